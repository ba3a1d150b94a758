/**
 * Weights in few bits, in host memory: how a matrix `[out, in]` becomes 32-bit words and scales, and back. The device
 * multiplies with the words as they are (`kernels/quantized-mat-mul.ts`). Formats are the house's own:
 *
 *     f16    rows of halves, two a word
 *     int8   rows of blocks of 32 along the input: 8 words of four signed bytes, lowest first; a scale each
 *     int4   rows of blocks of 32 along the input: 4 words of eight signed nibbles, lowest first; a scale each
 *
 * A row's last block is filled up with zeros. Scales are halves, two a word, in the order of the blocks; value = scale ·
 * integer, and the largest entry of a block is ± 127 or ± 7.
 */
import { SstError } from "./errors.js";
import { fromHalf, halfOfBits, packHalves, toHalf, unpackHalf } from "./float16.js";

export const weightFormats = ["f16", "int8", "int4"] as const;

export type WeightFormat = (typeof weightFormats)[number];

/** Entries that share a scale. */
export const BLOCK_SIZE = 32;

/** A matrix `[out, in]` in a format. */
export interface PackedMatrix {
  readonly format: WeightFormat;
  readonly outSize: number;
  readonly inSize: number;
  /** `[outSize, wordsPerRow(format, inSize)]`. */
  readonly words: Int32Array;
  /** `[scaleWords(format, outSize, inSize)]`; empty for f16. */
  readonly scales: Int32Array;
}

/** Bits of an entry. */
export const weightBits = { f16: 16, int8: 8, int4: 4 } as const;

export function wordsPerRow(format: WeightFormat, inSize: number): number {
  return format === "f16" ? Math.ceil(inSize / 2) : blocksPerRow(inSize) * weightBits[format];
}

export function scaleWords(format: WeightFormat, outSize: number, inSize: number): number {
  return format === "f16" ? 0 : Math.ceil((outSize * blocksPerRow(inSize)) / 2);
}

export function blocksPerRow(inSize: number): number {
  return Math.ceil(inSize / BLOCK_SIZE);
}

/**
 * Rounds a matrix to a format. An entry is off by at most half a step: `scale / 2`, plus what rounding the scale to a
 * half costs; f16 by half a unit in its last place.
 *
 * @throws SstError `shape-mismatch` when `values` is not `outSize · inSize` long, `not-finite` naming the first such entry
 */
export function packMatrix(
  values: ArrayLike<number>,
  [outSize, inSize]: readonly [number, number],
  format: WeightFormat,
): PackedMatrix {
  if (values.length !== outSize * inSize) {
    throw new SstError("shape-mismatch", `a matrix [${outSize}, ${inSize}] has no ${values.length} entries`);
  }
  for (let row = 0; row < outSize; row++) {
    const index = firstNotFinite(values, row * inSize, (row + 1) * inSize);
    if (index === undefined) continue;
    const place = `[${row}, ${index - row * inSize}]`;
    throw new SstError("not-finite", `entry ${place} of the matrix is ${values[index]} and has no place in ${format}`);
  }
  const perRow = wordsPerRow(format, inSize);
  const words = new Int32Array(outSize * perRow);
  if (format === "f16") {
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
    for (let row = 0; row < outSize; row++) packRow(bits, row * inSize, (row + 1) * inSize, words, row * perRow);
    return { format, outSize, inSize, words, scales: new Int32Array(0) };
  }
  const scales = new Float32Array(outSize * blocksPerRow(inSize));
  const wordsPerBlock = weightBits[format];
  let block = 0;
  for (let row = 0; row < outSize; row++) {
    const end = (row + 1) * inSize;
    for (let start = row * inSize; start < end; start += BLOCK_SIZE) {
      const blockEnd = Math.min(start + BLOCK_SIZE, end);
      scales[block] = packBlock(values, start, blockEnd, weightBits[format], words, block * wordsPerBlock);
      block++;
    }
  }
  return { format, outSize, inSize, words, scales: packHalves(scales) };
}

// The next three see every entry of a model: small functions without calls and arrays, which an engine makes fast at once.

function firstNotFinite(values: ArrayLike<number>, start: number, end: number): number | undefined {
  for (let i = start; i < end; i++) if (!Number.isFinite(values[i])) return i;
  return undefined;
}

/** Entries, as the bits of floats, to halves. */
function packRow(bits: Uint32Array, start: number, end: number, words: Int32Array, at: number): void {
  let word = at;
  for (let i = start; i < end; i += 2) {
    const low = halfOfBits(bits[i] as number);
    const high = i + 1 < end ? halfOfBits(bits[i + 1] as number) : 0;
    words[word++] = low | (high << 16);
  }
}

/** Entries to integers of so many bits, and their scale. */
function packBlock(
  values: ArrayLike<number>,
  start: number,
  end: number,
  bits: number,
  words: Int32Array,
  at: number,
): number {
  const largest = (1 << (bits - 1)) - 1;
  const mask = (1 << bits) - 1;
  let peak = 0;
  for (let i = start; i < end; i++) peak = Math.max(peak, Math.abs(values[i] as number));
  // The integers are taken for the scale that will be read back, not for the one before it was rounded.
  const scale = fromHalf(toHalf(peak / largest));
  if (scale === 0) return 0;
  let word = 0;
  let shift = 0;
  let next = at;
  for (let i = start; i < end; i++) {
    // What `Math.round` says of such a quotient, in a fifth of its time.
    const integer = Math.floor((values[i] as number) / scale + 0.5);
    const kept = Math.max(-largest, Math.min(largest, integer));
    word |= (kept & mask) << shift;
    shift += bits;
    if (shift < 32) continue;
    words[next++] = word;
    word = 0;
    shift = 0;
  }
  if (shift > 0) words[next] = word;
  return scale;
}

/** The values that the words stand for, `[outSize, inSize]` row-major. */
export function unpackMatrix({ format, outSize, inSize, words, scales }: PackedMatrix): Float32Array {
  const perRow = wordsPerRow(format, inSize);
  const blocks = blocksPerRow(inSize);
  const values = new Float32Array(outSize * inSize);
  for (let row = 0; row < outSize; row++) {
    for (let column = 0; column < inSize; column++) {
      const block = row * blocks + Math.floor(column / BLOCK_SIZE);
      values[row * inSize + column] =
        format === "f16"
          ? unpackHalf(words, row * perRow * 2 + column)
          : unpackHalf(scales, block) * getInteger(words, format, block, column % BLOCK_SIZE);
    }
  }
  return values;
}

function getInteger(words: Int32Array, format: "int8" | "int4", block: number, i: number): number {
  const bits = weightBits[format];
  const at = block * BLOCK_SIZE * bits + i * bits;
  return ((words[at >> 5] as number) << (32 - bits - (at & 31))) >> (32 - bits);
}
