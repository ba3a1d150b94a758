/** Reading safetensors: a JSON header of names, types, shapes and offsets, then the values; F32, F16 and BF16. */
import type { HostTensor } from "@sst/layers";
import type { OpenFile } from "../files/open-file.js";
import { fromBfloat16, fromFloat16 } from "./half-floats.js";
import { type Entry, headerSize, readHeader } from "./safetensors-header.js";

/** What is read of a file at a time: small enough for a processor's cache. */
const PIECE_BYTES = 2 ** 20;

/** A file whose header is in order, to be read tensor by tensor. */
export interface TensorFile {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The name of the file that a tensor is in. */
  fileOf(name: string): string;
  /** Texts that stand in the header. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Hands a tensor's values over as float32, in pieces, first to last. A piece is good until `take` returns; one tensor is
   * read at a time.
   *
   * @throws SstError `file-corrupt` or `file-not-found` where the file is not there any more
   */
  read(name: string, take: (values: Float32Array) => void): Promise<void>;
}

/** Memory for two pieces and for the values of one, which files that are read one after the other may share. */
export class PieceMemory {
  #pair: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #values = new Float32Array(0);

  /** Where the values of a piece that are no float32 in the file are put. */
  values(count: number): Float32Array<ArrayBuffer> {
    if (this.#values.length < count) this.#values = new Float32Array(count);
    return this.#values.subarray(0, count);
  }

  /** @param sizeBytes of the tensor that is read: for a small one, small memory is enough */
  pair(sizeBytes: number): [Uint8Array, Uint8Array] {
    const needed = Math.min(PIECE_BYTES, sizeBytes);
    if (this.#pair[0].byteLength < needed) this.#pair = [new Uint8Array(needed), new Uint8Array(needed)];
    return this.#pair;
  }
}

/**
 * Reads the header. The file stays the caller's, to be closed after the tensors were read.
 *
 * @throws SstError `file-corrupt` for a header that does not fit the file, naming file and tensor, `file-unsupported`
 * for other types of values
 */
export async function openSafetensors(
  file: OpenFile,
  fileName: string,
  memory = new PieceMemory(),
): Promise<TensorFile> {
  const start = new Uint8Array(Math.min(8, file.sizeBytes));
  await file.read(0, start);
  const json = new Uint8Array(headerSize(start, file.sizeBytes, fileName));
  file.announce?.(8, json.byteLength);
  await file.read(8, json);
  const dataStart = 8 + json.byteLength;
  const { entries, metadata } = readHeader(json, file.sizeBytes - dataStart, fileName);
  const shapes = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape]));
  const byName = new Map(entries);
  const read = async (name: string, take: (values: Float32Array) => void) => {
    const { dtype, data_offsets } = byName.get(name) as Entry;
    const [begin, end] = data_offsets;
    file.announce?.(dataStart + begin, end - begin);
    let [current, other] = memory.pair(end - begin);
    const readInto = async (half: Uint8Array, position: number) => {
      const piece = half.subarray(0, Math.max(0, Math.min(PIECE_BYTES, end - position)));
      await file.read(dataStart + position, piece);
      return piece;
    };
    let piece = await readInto(current, begin);
    for (let position = begin + PIECE_BYTES; piece.byteLength > 0; position += PIECE_BYTES) {
      // The next piece is on its way while this one is used.
      const next = readInto(other, Math.min(position, end));
      try {
        take(toFloat32(piece, dtype, memory));
      } finally {
        piece = await next;
      }
      [current, other] = [other, current];
    }
  };
  return { shapes, metadata, fileOf: () => fileName, read };
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

/** A view of `bytes` for F32. @param memory where the values are put otherwise; without it they are an array of their own */
function toFloat32(bytes: Uint8Array, dtype: string, memory?: PieceMemory): Float32Array {
  if (dtype === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const widen = dtype === "BF16" ? fromBfloat16 : fromFloat16;
  return widen(halves, memory?.values(halves.length));
}
