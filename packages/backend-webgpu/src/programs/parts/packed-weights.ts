/**
 * Weights as `@sst/tensor` packs them: rows of blocks of 32 entries, in words of two halves, four bytes or eight nibbles.
 *
 *     entryOf(word, n)     entry n of a word; of bytes and nibbles the number without its scale
 *     scaleOf(row, block)  what a block's whole numbers are multiplied with; 1 for halves
 *     wordOf(row, block, n)  word n of a block; 0 beyond the row's end
 *
 * nf4's blocks of 64 go as two of 32 with the same scale. Need the uniforms `wordsPerRow` and `blocks` (of a row).
 */
import { BLOCK_SIZE, NF4_BLOCK_SIZE, nf4Values, type WeightFormat, weightBits } from "@sst/tensor";

export const BLOCK = BLOCK_SIZE;

export function entriesPerWord(format: WeightFormat): number {
  return 32 / weightBits[format];
}

/** Buffers of a packed weight: halves have no scales, and what is empty is not bound. */
export const packedBuffers = { words: "in i32", scales: "in i32" } as const;
export const packedHalvesBuffers = { words: "in i32" } as const;

export function packedWeights(format: WeightFormat): string {
  const perWord = entriesPerWord(format);
  return `
const ENTRIES_PER_WORD = ${perWord}u;
const WORDS_PER_BLOCK = ${BLOCK / perWord}u;

fn wordOf(row: u32, block: u32, n: u32) -> i32 {
  let place = block * WORDS_PER_BLOCK + n;
  if (place >= uniforms.wordsPerRow) {
    return 0;
  }
  return words[row * uniforms.wordsPerRow + place];
}
${values(format)}`;
}

function values(format: WeightFormat): string {
  if (format === "f16") {
    return `
fn entryOf(word: i32, n: u32) -> f32 {
  return unpack2x16float(bitcast<u32>(word))[n];
}

fn scaleOf(row: u32, block: u32) -> f32 {
  return 1.0;
}
`;
  }
  const bits = weightBits[format];
  if (format === "nf4") {
    // Written as what float32 makes of them, so that no device rounds them in another way.
    const quantiles = nf4Values.map((value) => value.toFixed(20)).join(", ");
    return `
var<private> quantiles: array<f32, 16> = array<f32, 16>(${quantiles});

fn entryOf(word: i32, n: u32) -> f32 {
  return quantiles[extractBits(bitcast<u32>(word), n * ${bits}u, ${bits}u)];
}

fn scaleOf(row: u32, block: u32) -> f32 {
  let blocks = (uniforms.blocks + 1u) / ${NF4_BLOCK_SIZE / BLOCK}u;
  return bitcast<f32>(scales[row * blocks + block / ${NF4_BLOCK_SIZE / BLOCK}u]);
}
`;
  }
  return `
fn entryOf(word: i32, n: u32) -> f32 {
  return f32(extractBits(word, n * ${bits}u, ${bits}u));
}

fn scaleOf(row: u32, block: u32) -> f32 {
  let place = row * uniforms.blocks + block;
  return unpack2x16float(bitcast<u32>(scales[place / 2u]))[place % 2u];
}
`;
}
