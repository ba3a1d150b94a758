/** Models for an evaluation: with what turns text into their tokens, and a digest that says which weights these are. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Subject, symbolSubject, textSubject } from "@sst/eval";
import {
  loadModel,
  loadTokenizer,
  loadVocabulary,
  requireMatchingTokenizer,
  type SymbolVocabulary,
} from "@sst/loaders";
import { SstError, type WeightFormat } from "@sst/tensor";

/** The caller disposes of the model. */
export async function openSubject(folder: string, quantize: WeightFormat | undefined): Promise<Subject> {
  const vocabulary = await loadVocabulary(folder);
  if (vocabulary !== undefined) return symbolSubject(await loadModel(folder, { quantize }), vocabulary);
  const tokenizer = await loadTokenizer(folder);
  const model = await loadModel(folder, { quantize });
  try {
    return textSubject(model, requireMatchingTokenizer(tokenizer, model.config, folder));
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** @throws SstError `file-unsupported` for a model that labels nothing */
export async function requireVocabulary(folder: string): Promise<SymbolVocabulary> {
  const vocabulary = await loadVocabulary(folder);
  if (vocabulary !== undefined) return vocabulary;
  throw new SstError(
    "file-unsupported",
    `${folder} holds no vocab.json, so it is not a model that labels the symbols of a task`,
  );
}

/** SHA-256 over the files of a model's folder, their names with them; a probe beside the model changes nothing of it. */
export async function modelDigest(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const names = (await readdir(folder)).filter((name) => /^(?!probe\.).*\.(json|safetensors|bin)$/.test(name)).sort();
  for (const name of names) {
    hash.update(`${name}\0`);
    for await (const part of createReadStream(join(folder, name))) hash.update(part);
  }
  return hash.digest("hex");
}
