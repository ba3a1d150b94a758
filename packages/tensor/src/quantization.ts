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
import { fromHalf, packHalves, toHalf, unpackHalf } from "./float16.js";

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
  for (let index = 0; index < values.length; index++) {
    if (Number.isFinite(values[index])) continue;
    const place = `[${Math.floor(index / inSize)}, ${index % inSize}]`;
    throw new SstError("not-finite", `entry ${place} of the matrix is ${values[index]} and has no place in ${format}`);
  }
  const words = new Int32Array(outSize * wordsPerRow(format, inSize));
  if (format === "f16") {
    const perRow = wordsPerRow(format, inSize);
    for (let row = 0; row < outSize; row++) {
      words.set(packHalves(Array.from({ length: inSize }, (_, i) => values[row * inSize + i] as number)), row * perRow);
    }
    return { format, outSize, inSize, words, scales: new Int32Array(0) };
  }
  const blocks = blocksPerRow(inSize);
  const scales = new Float32Array(outSize * blocks);
  const largest = 2 ** (weightBits[format] - 1) - 1;
  for (let row = 0; row < outSize; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * inSize + block * BLOCK_SIZE;
      const size = Math.min(BLOCK_SIZE, inSize - block * BLOCK_SIZE);
      let peak = 0;
      for (let i = 0; i < size; i++) peak = Math.max(peak, Math.abs(values[start + i] as number));
      // The integers are taken for the scale that will be read back, not for the one before it was rounded.
      const scale = fromHalf(toHalf(peak / largest));
      scales[row * blocks + block] = scale;
      for (let i = 0; i < size; i++) {
        const integer = scale === 0 ? 0 : Math.round((values[start + i] as number) / scale);
        putInteger(words, format, row * blocks + block, i, Math.max(-largest, Math.min(largest, integer)));
      }
    }
  }
  return { format, outSize, inSize, words, scales: packHalves(scales) };
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

function putInteger(words: Int32Array, format: "int8" | "int4", block: number, i: number, integer: number): void {
  const bits = weightBits[format];
  const at = block * BLOCK_SIZE * bits + i * bits;
  words[at >> 5] = (words[at >> 5] as number) | ((integer & (2 ** bits - 1)) << (at & 31));
}

function getInteger(words: Int32Array, format: "int8" | "int4", block: number, i: number): number {
  const bits = weightBits[format];
  const at = block * BLOCK_SIZE * bits + i * bits;
  return ((words[at >> 5] as number) << (32 - bits - (at & 31))) >> (32 - bits);
}
