/** Finding a model's tokenizer among its files. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import { openFile } from "../files/open-file.js";
import { toSource } from "../files/to-source.js";
import { looksLikeLlama2c } from "../formats/llama2c.js";
import { ggufFileNames } from "../models/gguf-file-names.js";
import { readGgufTokenizer } from "./gguf-tokenizer.js";
import { HuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { Llama2cTokenizer } from "./llama2c-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * `tokenizer.json`, the one in a GGUF file, or a llama2.c tokenizer under any name that ends in `.bin`.
 *
 * @throws SstError `file-not-found` where there is none, `file-corrupt` or `file-unsupported` for one that is damaged
 */
export async function loadTokenizer(from: string | FileSource): Promise<Tokenizer> {
  const source = await toSource(from);
  if (await source.has("tokenizer.json")) {
    const hasConfig = await source.has("tokenizer_config.json");
    const config = hasConfig ? await source.read("tokenizer_config.json") : undefined;
    return new HuggingFaceTokenizer(await source.read("tokenizer.json"), config);
  }
  const [gguf] = (await ggufFileNames(source)) ?? [];
  if (gguf !== undefined) return ggufTokenizer(source, gguf);
  let complaint: unknown;
  for (const name of await binaryNames(source)) {
    const bytes = await source.read(name);
    try {
      return new Llama2cTokenizer(bytes, name);
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
