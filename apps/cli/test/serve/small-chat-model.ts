/** A folder as a small chat model has it: random weights, bytes as tokens, a ChatML template. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { saveModelData } from "@sst/loaders";
import { tinyModel } from "../../../../packages/layers/test/tiny-model.js";
import { chatMl } from "../../../../packages/loaders/test/chat-templates.js";
import { byteLevelTokenizer, json } from "../../../../packages/loaders/test/tokenizer-files.js";

const special = ["<|im_start|>", "<|im_end|>"];

export async function writeSmallChatModel(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await saveModelData(folder, tinyModel({ vocabSize: 258 + special.length, maxPositionEmbeddings: 512 }), {
    overwrite: true,
  });
  writeFileSync(join(folder, "tokenizer.json"), json(byteLevelTokenizer({ special })));
  writeFileSync(join(folder, "tokenizer_config.json"), json({ chat_template: chatMl, eos_token: "<|im_end|>" }));
}
