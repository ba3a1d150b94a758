/** Models for an evaluation: with what turns text into their tokens, and a digest that says which weights these are. */
import { createHash } from "node:crypto";
import { type Subject, symbolSubject, textSubject } from "@sst/eval";
import {
  type FileSource,
  loadModel,
  loadTokenizer,
  loadVocabulary,
  openFile,
  requireMatchingTokenizer,
  type SymbolVocabulary,
  type Tokenizer,
} from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { type PackingOptions, packingOf } from "../arguments.js";

/** The caller disposes of the model. */
export async function openSubject(source: FileSource, packing: PackingOptions = {}): Promise<Subject> {
  const vocabulary = await loadVocabulary(source);
  const tokenizer = vocabulary === undefined ? await loadTokenizer(source) : undefined;
  const model = await loadModel(source, packingOf(packing));
  if (vocabulary !== undefined) return symbolSubject(model, vocabulary);
  try {
    return textSubject(model, requireMatchingTokenizer(tokenizer as Tokenizer, model.config, source.location));
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** @throws SstError `file-unsupported` for a model that labels nothing */
export async function requireVocabulary(source: FileSource): Promise<SymbolVocabulary> {
  const vocabulary = await loadVocabulary(source);
  if (vocabulary !== undefined) return vocabulary;
  throw new SstError(
    "file-unsupported",
    `${source.location} holds no vocab.json, so it is not a model that labels the symbols of a task`,
  );
}

/** What is read of a file at a time. */
const pieceBytes = 2 ** 20;

/**
 * SHA-256 over a model's files, their names with them; a probe beside the model changes nothing of it. Of a model on the hub
 * over its commit, which says as much and needs none of the files.
 *
 * @throws SstError `file-unsupported` for an address on the web, whose files cannot be listed
 */
export async function modelDigest(source: FileSource): Promise<string> {
  const hash = createHash("sha256");
  if (source.version !== undefined) return hash.update(source.version).digest("hex");
  const names = (await source.list()).filter((name) => /^(?!probe\.).*\.(json|safetensors|bin)$/.test(name)).sort();
  if (names.length === 0) {
    throw new SstError(
      "file-unsupported",
      `--out keeps which model answered, and ${source.location} does not list its files: give a folder or a name on the hub`,
    );
  }
  for (const name of names) {
    hash.update(`${name}\0`);
    const file = await openFile(source, name);
    try {
      for (let position = 0; position < file.sizeBytes; position += pieceBytes) {
        const piece = new Uint8Array(Math.min(pieceBytes, file.sizeBytes - position));
        await file.read(position, piece);
        hash.update(piece);
      }
    } finally {
      await file.close();
    }
  }
  return hash.digest("hex");
}
