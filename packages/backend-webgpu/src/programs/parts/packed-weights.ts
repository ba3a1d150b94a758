/**
 * Weights as `@sst/tensor` packs them: rows of blocks of 32 entries, in words of two halves, four bytes or eight nibbles.
 *
 *     entryOf(word, n)     entry n of a word; of bytes and nibbles the whole number, without its scale
 *     scaleOf(row, block)  what a block's whole numbers are multiplied with; 1 for halves
 *     wordOf(row, block, n)  word n of a block; 0 beyond the row's end
 *
 * Need the uniforms `wordsPerRow` and `blocks` (of a row).
 */
import { BLOCK_SIZE, type WeightFormat, weightBits } from "@sst/tensor";

export const BLOCK = BLOCK_SIZE;

export function entriesPerWord(format: WeightFormat): number {
  return 32 / weightBits[format];
}

/** Buffers of a packed weight: halves have no scales, and what is empty is not bound. */
export const packedBuffers = { words: "in i32", scales: "in i32" } as const;
export const packedHalvesBuffers = { words: "in i32" } as const;

export function packedWeights(format: WeightFormat): string {
  const bits = weightBits[format];
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

fn entryOf(word: i32, n: u32) -> f32 {
  return ${format === "f16" ? "unpack2x16float(bitcast<u32>(word))[n]" : `f32(extractBits(word, n * ${bits}u, ${bits}u))`};
}

fn scaleOf(row: u32, block: u32) -> f32 {
  ${format === "f16" ? "return 1.0;" : "let place = row * uniforms.blocks + block;\n  return unpack2x16float(bitcast<u32>(scales[place / 2u]))[place % 2u];"}
}
`;
}
