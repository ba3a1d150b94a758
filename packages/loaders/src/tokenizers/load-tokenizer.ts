/** Finding a model's tokenizer among its files. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import { openFile } from "../files/open-file.js";
import { toSource } from "../files/to-source.js";
import { looksLikeLlama2c } from "../formats/llama2c.js";
import { ggufFileNames } from "../models/gguf-file-names.js";
import { chatTemplateFiles } from "./chat-template.js";
import { readGgufTokenizer } from "./gguf-tokenizer.js";
import { HuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { Llama2cTokenizer } from "./llama2c-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

/** What is saved with a tokenizer, where it is there. */
const besideNames = [...chatTemplateFiles, "special_tokens_map.json"];

/**
 * `tokenizer.json`, the one in a GGUF file, or a llama2.c tokenizer under any name that ends in `.bin`.
 *
 * @throws SstError `file-not-found` where there is none, `file-corrupt` or `file-unsupported` for one that is damaged
 */
export async function loadTokenizer(from: string | FileSource): Promise<Tokenizer> {
  const source = await toSource(from);
  if (await source.has("tokenizer.json")) {
    const { "tokenizer_config.json": config, ...beside } = await readThose(source, besideNames);
    return new HuggingFaceTokenizer(await source.read("tokenizer.json"), config, beside);
  }
  const [gguf] = (await ggufFileNames(source)) ?? [];
  if (gguf !== undefined) return ggufTokenizer(source, gguf);
  let complaint: unknown;
  for (const name of await binaryNames(source)) {
    const bytes = await source.read(name);
    try {
      return new Llama2cTokenizer(bytes, name, await readThose(source, besideNames));
    } catch (error) {
      if (!looksLikeLlama2c(bytes)) complaint ??= error;
    }
  }
  if (complaint !== undefined) throw complaint;
  throw new SstError(
    "file-not-found",
    `${source.location} holds no tokenizer: expected tokenizer.json, a GGUF file or a llama2.c tokenizer (*.bin)`,
  );
}

/** The files of these names that are there. */
async function readThose(source: FileSource, names: readonly string[]): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const name of names) if (await source.has(name)) files[name] = await source.read(name);
  return files;
}

async function ggufTokenizer(source: FileSource, name: string): Promise<Tokenizer> {
  const file = await openFile(source, name);
  try {
    return await readGgufTokenizer(file, name);
  } finally {
    await file.close();
  }
}

/** A source on the web cannot list its files, but models that we save call theirs `tokenizer.bin`. */
async function binaryNames(source: FileSource): Promise<string[]> {
  const names = (await source.list()).filter((name) => name.endsWith(".bin"));
  return names.length === 0 && (await source.has("tokenizer.bin")) ? ["tokenizer.bin"] : names;
}
