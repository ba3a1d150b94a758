/** Finding the GGUF file among a source's files, or the parts of one. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import { indexFile } from "../formats/safetensors-index.js";
import { weightsFile } from "./file-names.js";

/**
 * The GGUF file of a source, or all parts of one in their order; undefined where the model is in other files, or there is
 * none.
 *
 * @throws SstError `file-unsupported` for several models, `file-not-found` for parts that are missing
 */
export async function ggufFileNames(source: FileSource): Promise<string[] | undefined> {
  const names = (await source.list()).filter((name) => name.endsWith(".gguf")).sort();
  const [first, second] = names;
  if (first === undefined || (await source.has(weightsFile)) || (await source.has(indexFile))) return undefined;
  if (second === undefined && !partPattern.test(first)) return [first];
  const parts = partsOf(first);
  const missing = parts.find((name) => !names.includes(name));
  if (missing !== undefined && parts.includes(first)) {
    throw new SstError(
      "file-not-found",
      `${source.location} holds ${first}, but not ${missing}: a part of the model is missing`,
    );
  }
  const other = names.find((name) => !parts.includes(name));
  if (other === undefined) return parts;
  throw new SstError(
    "file-unsupported",
    `${source.location} holds several models (${first}, ${other}): keep one per folder`,
  );
}

const partPattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** Of a name such as `model-00001-of-00003.gguf`, the names of all parts. */
function partsOf(name: string): string[] {
  const [, prefix, , count] = partPattern.exec(name) ?? [];
  if (prefix === undefined) return [];
  const digits = (part: number) => String(part).padStart(5, "0");
  return Array.from({ length: Number(count) }, (_, index) => `${prefix}-${digits(index + 1)}-of-${count}.gguf`);
}
