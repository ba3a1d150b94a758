/** Finding a model's tokenizer among its files. */
import { SstError } from "@sst/tensor";
import { type FileSource, toSource } from "../files/file-source.js";
import { HuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { Llama2cTokenizer, looksLikeLlama2cTokenizer } from "./llama2c-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * `tokenizer.json`, or a llama2.c tokenizer under any name that ends in `.bin`.
 *
 * @throws SstError `file-not-found` where there is none
 */
export async function loadTokenizer(from: string | FileSource): Promise<Tokenizer> {
  const source = await toSource(from);
  if (await source.has("tokenizer.json")) {
    const hasConfig = await source.has("tokenizer_config.json");
    const config = hasConfig ? await source.read("tokenizer_config.json") : undefined;
    return new HuggingFaceTokenizer(await source.read("tokenizer.json"), config);
  }
  for (const name of (await source.list()).filter((each) => each.endsWith(".bin"))) {
    const bytes = await source.read(name);
    if (looksLikeLlama2cTokenizer(bytes)) return new Llama2cTokenizer(bytes, name);
  }
  throw new SstError("file-not-found", `${source.location} holds no tokenizer: expected tokenizer.json or a llama2.c tokenizer (*.bin)`);
}
