/** The tokenizer in a GGUF file. */
import { SstError } from "@sst/tensor";
import { jsonBytes } from "../files/json.js";
import type { OpenFile } from "../files/open-file.js";
import { readHeader } from "../formats/gguf/header.js";
import { tokenizerConfigJson, tokenizerJson } from "./gguf-tokenizer-json.js";
import { readVocabulary } from "./gguf-vocabulary.js";
import { HuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { SentencePieceTokenizer } from "./sentence-piece-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * @throws SstError `file-not-found` for a file without a tokenizer, `file-corrupt`, `file-unsupported` for a kind that we do not
 * have
 */
export async function readGgufTokenizer(file: OpenFile, fileName: string): Promise<Tokenizer> {
  const { metadata } = await readHeader(file, fileName);
  const vocabulary = readVocabulary(metadata);
  if (vocabulary === undefined) {
    throw new SstError("file-not-found", `${fileName} holds no tokenizer: put the model's tokenizer.json beside it`);
  }
  if (vocabulary.kind === "sentence-piece") return new SentencePieceTokenizer(vocabulary);
  const json = jsonBytes(tokenizerJson(vocabulary, fileName));
  return new HuggingFaceTokenizer(json, jsonBytes(tokenizerConfigJson(vocabulary)));
}
