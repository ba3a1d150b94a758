/**
 * Weights in few bits, in host memory: how a matrix `[out, in]` becomes 32-bit words and scales, and back. The device
 * multiplies with the words as they are (`kernels/quantized-mat-mul.ts`). Formats are the house's own:
 *
 *     f16    rows of halves, two a word
 *     int8   rows of blocks of 32 along the input: 8 words of four signed bytes, lowest first; a scale each
 *     int4   rows of blocks of 32 along the input: 4 words of eight signed nibbles, lowest first; a scale each
 *     nf4    rows of blocks of 64 along the input: 8 words of eight nibbles, lowest first, each the place of a value in
 *            `nf4Values` (Dettmers et al. 2023, QLoRA); a scale each
 *
 * A row's last block is filled up with zeros. Scales of int8 and int4 are halves, two a word, in the order of the blocks;
 * value = scale · integer, and the largest entry of a block is ± 127 or ± 7. Scales of nf4 are the bits of floats, the
 * largest magnitude of each block; value = scale · nf4Values[nibble].
 */
import { SstError } from "./errors.js";
import { fromHalf, halfOfBits, packHalves, toHalf, unpackHalf } from "./float16.js";

export const weightFormats = ["f16", "int8", "int4", "nf4"] as const;

export type WeightFormat = (typeof weightFormats)[number];

/** The formats whose entries are whole numbers with a scale for each block of 32. */
export const integerFormats = ["int8", "int4"] as const;

export type IntegerFormat = (typeof integerFormats)[number];

/** Entries that share a scale, but for nf4. */
export const BLOCK_SIZE = 32;

/** Entries that share a scale in nf4. */
export const NF4_BLOCK_SIZE = 64;

/** What the nibbles of nf4 stand for: quantiles of a normal distribution, with an exact zero (QLoRA, appendix E). */
export const nf4Values: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];

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
export const weightBits = { f16: 16, int8: 8, int4: 4, nf4: 4 } as const;

export function wordsPerRow(format: WeightFormat, inSize: number): number {
  if (format === "f16") return Math.ceil(inSize / 2);
  return (blocksPerRow(format, inSize) * blockSizeOf(format) * weightBits[format]) / 32;
}

export function scaleWords(format: WeightFormat, outSize: number, inSize: number): number {
  if (format === "f16") return 0;
  const scales = outSize * blocksPerRow(format, inSize);
  return format === "nf4" ? scales : Math.ceil(scales / 2);
}

/** Bytes of a packed matrix, words and scales. */
export function packedBytes(format: WeightFormat, [outSize, inSize]: readonly [number, number]): number {
  return 4 * (outSize * wordsPerRow(format, inSize) + scaleWords(format, outSize, inSize));
}

export function blocksPerRow(format: WeightFormat, inSize: number): number {
  return Math.ceil(inSize / blockSizeOf(format));
}

function blockSizeOf(format: WeightFormat): number {
  return format === "nf4" ? NF4_BLOCK_SIZE : BLOCK_SIZE;
}

/**
 * Rounds a matrix to a format. An entry is off by at most half a step: `scale / 2`, plus what rounding the scale to a
 * half costs; f16 by half a unit in its last place; nf4 by half the distance of two neighbouring values times the scale.
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
  if (format === "nf4") {
    const scales = packNormalFloats(values, outSize, inSize, words);
    return { format, outSize, inSize, words, scales: new Int32Array(scales.buffer) };
  }
  const scales = new Float32Array(outSize * blocksPerRow(format, inSize));
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

// The next four see every entry of a model: small functions without calls and arrays, which an engine makes fast at once.

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

/** Halfway between neighbours: below the n-th is value n. */
const nf4Borders = nf4Values.slice(1).map((value, index) => (value + (nf4Values[index] as number)) / 2);

/** Entries to nibbles of nf4; gives the scales. */
function packNormalFloats(values: ArrayLike<number>, outSize: number, inSize: number, words: Int32Array): Float32Array {
  const blocks = blocksPerRow("nf4", inSize);
  const scales = new Float32Array(outSize * blocks);
  for (let block = 0; block < scales.length; block++) {
    const row = Math.floor(block / blocks);
    const start = row * inSize + (block % blocks) * NF4_BLOCK_SIZE;
    const end = Math.min(start + NF4_BLOCK_SIZE, (row + 1) * inSize);
    let peak = 0;
    for (let i = start; i < end; i++) peak = Math.max(peak, Math.abs(values[i] as number));
    const scale = Math.fround(peak);
    scales[block] = scale;
    for (let i = 0; i < NF4_BLOCK_SIZE; i++) {
      const value = start + i < end && scale > 0 ? (values[start + i] as number) / scale : 0;
      let nibble = 0;
      while (nibble < 15 && value > (nf4Borders[nibble] as number)) nibble++;
      const at = block * (NF4_BLOCK_SIZE / 8) + (i >> 3);
      words[at] = (words[at] as number) | (nibble << ((i & 7) * 4));
    }
  }
  return scales;
}

/** The values that the words stand for, `[outSize, inSize]` row-major. */
export function unpackMatrix({ format, outSize, inSize, words, scales }: PackedMatrix): Float32Array {
  const perRow = wordsPerRow(format, inSize);
  const blocks = blocksPerRow(format, inSize);
  const blockSize = blockSizeOf(format);
  const scaleFloats = new Float32Array(scales.buffer, scales.byteOffset, scales.length);
  const valueAt = (row: number, column: number): number => {
    if (format === "f16") return unpackHalf(words, row * perRow * 2 + column);
    const block = row * blocks + Math.floor(column / blockSize);
    if (format === "nf4") return (scaleFloats[block] as number) * nf4ValueAt(words, row * perRow * 8 + column);
    return unpackHalf(scales, block) * getInteger(words, format, block, column % blockSize);
  };
  return Float32Array.from({ length: outSize * inSize }, (_, i) => valueAt(Math.floor(i / inSize), i % inSize));
}

function nf4ValueAt(words: Int32Array, nibble: number): number {
  return nf4Values[((words[nibble >> 3] as number) >>> ((nibble & 7) * 4)) & 15] as number;
}

function getInteger(words: Int32Array, format: "int8" | "int4", block: number, i: number): number {
  const bits = weightBits[format];
  const at = block * BLOCK_SIZE * bits + i * bits;
  return ((words[at >> 5] as number) << (32 - bits - (at & 31))) >> (32 - bits);
}
