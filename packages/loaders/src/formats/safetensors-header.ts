/** The header of a safetensors file: checked against the file before anything is made of what it says. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseText } from "../files/json.js";

/** Of the format itself: no header is longer. */
const LONGEST_HEADER_BYTES = 100_000_000;

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.strictObject({ dtype: v.string(), shape: v.array(size), data_offsets: v.tuple([size, size]) });
const metadataSchema = v.record(v.string(), v.string());

export type Entry = v.InferOutput<typeof entrySchema>;

export interface Header {
  readonly entries: readonly (readonly [name: string, Entry])[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of a value, by the type's name in the header. */
export const itemSizes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Names that JavaScript's objects have for themselves. */
const reserved = ["__proto__", "prototype", "constructor"];

/** @param start the file's first bytes @throws SstError `file-corrupt` for more than the file or the format holds */
export function headerSize(start: Uint8Array, fileBytes: number, fileName: string): number {
  if (fileBytes < 8) throw corrupt(fileName, `${fileBytes} bytes are too few for a header`);
  const size = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (size > fileBytes - 8) throw corrupt(fileName, `its header claims ${size} bytes, the file has ${fileBytes}`);
  if (size <= LONGEST_HEADER_BYTES) return size;
  throw corrupt(fileName, `its header claims ${size} bytes; the format allows ${LONGEST_HEADER_BYTES}`);
}

/** @throws SstError `file-corrupt` naming file and tensor, `file-unsupported` for other types of values */
export function readHeader(json: Uint8Array, dataBytes: number, fileName: string): Header {
  if (json[0] !== "{".charCodeAt(0)) throw corrupt(fileName, `its header does not begin with "{"`);
  const header = parseText(json, `${fileName} (header)`) as Record<string, unknown>;
  const { __metadata__, ...tensors } = header;
  const metadata = v.safeParse(metadataSchema, __metadata__ ?? {});
  if (!metadata.success) throw corrupt(fileName, "its metadata are no texts");
  const entries = Object.entries(tensors).map(([name, value]) => {
    const parsed = v.safeParse(entrySchema, value);
    if (!parsed.success) throw badEntry(name, parsed.issues[0], fileName);
    checkEntry(name, parsed.output, dataBytes, fileName);
    return [name, parsed.output] as const;
  });
  checkLayout(entries, dataBytes, fileName);
  return { entries, metadata: metadata.output };
}

function badEntry(name: string, issue: v.BaseIssue<unknown>, fileName: string): SstError {
  const field = v.getDotPath(issue);
  if (field === null) return corrupt(fileName, `tensor "${name}" has no type, shape and offsets`);
  return corrupt(fileName, `tensor "${name}": field "${field}": ${issue.message}`);
}

function checkEntry(name: string, { dtype, shape, data_offsets }: Entry, dataBytes: number, fileName: string): void {
  if (reserved.includes(name)) throw corrupt(fileName, `"${name}" is no name of a tensor`);
  const itemSize = itemSizes[dtype];
  if (itemSize === undefined) {
    const known = Object.keys(itemSizes).join(", ");
    throw new SstError(
      "file-unsupported",
      `${fileName}: tensor "${name}" holds ${dtype}; ${known} can be read: convert it to one of them`,
    );
  }
  const [begin, end] = data_offsets;
  if (begin > end || end > dataBytes) {
    throw corrupt(fileName, `tensor "${name}" claims bytes ${begin} to ${end} of ${dataBytes}`);
  }
  const expected = bytesOf(shape, itemSize);
  if (expected === undefined) {
    throw corrupt(fileName, `tensor "${name}" of shape [${shape}] has more values than can be counted`);
  }
  if (expected !== end - begin) {
    throw corrupt(fileName, `tensor "${name}" of shape [${shape}] needs ${expected} bytes, but has ${end - begin}`);
  }
}

/** Undefined where a product on the way is no exact number any more, even if a later factor is 0. */
function bytesOf(shape: readonly number[], itemSize: number): number | undefined {
  let bytes = itemSize;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

/** The format asks for tensors without gaps or overlaps, up to the end of the file. */
function checkLayout(entries: Header["entries"], dataBytes: number, fileName: string): void {
  const ordered = [...entries].sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  let position = 0;
  for (const [name, { data_offsets }] of ordered) {
    if (data_offsets[0] !== position) {
      throw corrupt(fileName, `tensor "${name}" begins at byte ${data_offsets[0]}, where ${position} was expected`);
    }
    position = data_offsets[1];
  }
  if (position !== dataBytes) throw corrupt(fileName, `${dataBytes - position} bytes at its end belong to no tensor`);
}

export function corrupt(fileName: string, complaint: string): SstError {
  return new SstError("file-corrupt", `${fileName}: ${complaint}; the file is damaged or cut off: get it again`);
}
