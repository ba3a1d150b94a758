/** safetensors: a JSON header of names, types, shapes and offsets, then the values. F32, F16 and BF16 are read, F32 written. */
import type { HostTensor } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";
import type { OpenFile } from "../files/open-file.js";

const size = v.pipe(v.number(), v.integer(), v.minValue(0));
const entrySchema = v.object({ dtype: v.string(), shape: v.array(size), data_offsets: v.tuple([size, size]) });
const headerSchema = v.record(v.string(), v.union([entrySchema, v.record(v.string(), v.string())]));
type Entry = v.InferOutput<typeof entrySchema>;

const itemSizes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** What is read of a file at a time: small enough for a processor's cache. */
const PIECE_BYTES = 2 ** 20;

/** A file whose header is in order, to be read tensor by tensor. */
export interface TensorFile {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Texts that stand in the header. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Hands a tensor's values over as float32, in pieces, first to last. A piece is good until `take` returns.
   *
   * @throws SstError `file-corrupt` or `file-not-found` where the file is not there any more
   */
  read(name: string, take: (values: Float32Array) => void): Promise<void>;
}

/**
 * Reads the header. The file stays the caller's, to be closed after the tensors were read.
 *
 * @throws SstError `file-corrupt` for a header that does not fit the file, naming file and tensor, `file-unsupported`
 * for other types of values
 */
export async function openSafetensors(file: OpenFile, fileName: string): Promise<TensorFile> {
  const start = new Uint8Array(Math.min(8, file.sizeBytes));
  await file.read(0, start);
  const json = new Uint8Array(headerSize(start, file.sizeBytes, fileName));
  await file.read(8, json);
  const dataStart = 8 + json.byteLength;
  const { entries, metadata } = readHeader(json, file.sizeBytes - dataStart, fileName);
  const shapes = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape]));
  const byName = new Map(entries);
  let [current, other] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  const read = async (name: string, take: (values: Float32Array) => void) => {
    const { dtype, data_offsets } = byName.get(name) as Entry;
    const [begin, end] = data_offsets;
    const readInto = async (memory: Uint8Array, position: number) => {
      const piece = memory.subarray(0, Math.max(0, Math.min(PIECE_BYTES, end - position)));
      await file.read(dataStart + position, piece);
      return piece;
    };
    let piece = await readInto(current, begin);
    for (let position = begin + PIECE_BYTES; piece.byteLength > 0; position += PIECE_BYTES) {
      // The next piece is on its way while this one is used.
      const next = readInto(other, position);
      try {
        take(toFloat32(piece, dtype));
      } finally {
        piece = await next;
      }
      [current, other] = [other, current];
    }
  };
  return { shapes, metadata, read };
}

/**
 * All tensors of a file, as float32.
 *
 * @throws SstError as `openSafetensors`
 */
export function readSafetensors(bytes: Uint8Array, fileName: string): Record<string, HostTensor> {
  const dataStart = 8 + headerSize(bytes, bytes.byteLength, fileName);
  const data = bytes.subarray(dataStart);
  const { entries } = readHeader(bytes.subarray(8, dataStart), data.byteLength, fileName);
  return Object.fromEntries(
    entries.map(([name, { dtype, shape, data_offsets }]) => [
      name,
      { shape, data: toFloat32(data.slice(...data_offsets), dtype) },
    ]),
  );
}

/** @param start the file's first bytes */
function headerSize(start: Uint8Array, fileBytes: number, fileName: string): number {
  if (fileBytes < 8) throw corrupt(fileName, `${fileBytes} bytes are too few for a header`);
  const size = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (size <= fileBytes - 8) return size;
  throw corrupt(fileName, `its header claims ${size} bytes, the file has ${fileBytes}: is it truncated?`);
}

interface Header {
  readonly entries: [string, Entry][];
  readonly metadata: Readonly<Record<string, string>>;
}

function readHeader(json: Uint8Array, dataBytes: number, fileName: string): Header {
  const header = parseJson(json, headerSchema, `${fileName} (header)`);
  const entries = Object.entries(header).filter((entry): entry is [string, Entry] => entry[0] !== "__metadata__");
  for (const [name, entry] of entries) checkEntry(name, entry, dataBytes, fileName);
  checkLayout(entries, dataBytes, fileName);
  const metadata = header.__metadata__ ?? {};
  if ("data_offsets" in metadata) throw corrupt(fileName, "its metadata are no texts");
  return { entries, metadata: metadata as Record<string, string> };
}

function checkEntry(name: string, entry: Entry, dataBytes: number, fileName: string): void {
  if (!("data_offsets" in entry)) throw corrupt(fileName, `tensor "${name}" has no type, shape and offsets`);
  const itemSize = itemSizes[entry.dtype];
  if (itemSize === undefined) {
    const known = Object.keys(itemSizes).join(", ");
    throw new SstError("file-unsupported", `${fileName}: tensor "${name}" holds ${entry.dtype}; ${known} can be read`);
  }
  const [begin, end] = entry.data_offsets;
  if (begin > end || end > dataBytes) {
    throw corrupt(fileName, `tensor "${name}" claims bytes ${begin} to ${end} of ${dataBytes}: is the file truncated?`);
  }
  const expected = entry.shape.reduce((left, right) => left * right, itemSize);
  if (expected !== end - begin) {
    throw corrupt(
      fileName,
      `tensor "${name}" of shape [${entry.shape}] needs ${expected} bytes, but has ${end - begin}`,
    );
  }
}

/** The format asks for tensors without gaps or overlaps, up to the end of the file. */
function checkLayout(entries: readonly [string, Entry][], dataBytes: number, fileName: string): void {
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

/** A view of `bytes` for F32. */
function toFloat32(bytes: Uint8Array, dtype: string): Float32Array {
  if (dtype === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  // bfloat16 is the upper half of a float32.
  if (dtype === "BF16") for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  else for (let i = 0; i < halves.length; i++) values[i] = halfToFloat(halves[i] as number);
  return values;
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** Tensors as the bytes of a file, F32, in the order that they are given in. */
export function writeSafetensors(tensors: Tensors): Uint8Array {
  const parts = safetensorsParts(tensors);
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return bytes;
}

/** What `writeSafetensors` gives, piece by piece: the header, then views of the tensors' own memory. */
export function safetensorsParts(tensors: Tensors, metadata?: Readonly<Record<string, string>>): Uint8Array[] {
  let position = 0;
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => {
    const begin = position;
    position += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, position] }];
  });
  const json = new TextEncoder().encode(
    JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) }),
  );
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  const values = Object.values(tensors).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [header, ...values];
}

function corrupt(fileName: string, complaint: string): SstError {
  return new SstError("file-corrupt", `${fileName}: ${complaint}`);
}
