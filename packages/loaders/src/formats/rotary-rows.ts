/**
 * The order of the rows of q and k within a head. Ours is Hugging Face's: a rotary pair is (i, half + i). llama2.c, and
 * llama.cpp for some architectures, have the pairs side by side, (2i, 2i + 1).
 */

/** From ours to pairs side by side. @param values whole heads, row-major */
export function withAdjacentPairs(values: Float32Array, headDim: number, columns: number): Float32Array {
  return reordered(values, headDim, columns, (row) => (row % 2) * (headDim / 2) + Math.floor(row / 2));
}

/** From pairs side by side to ours. @param values whole heads, row-major */
export function withSplitPairs(values: Float32Array, headDim: number, columns: number): Float32Array {
  const half = headDim / 2;
  return reordered(values, headDim, columns, (row) => (row < half ? 2 * row : 2 * (row - half) + 1));
}

/** @param sourceOf of a row within its head, where it comes from */
function reordered(
  values: Float32Array,
  headDim: number,
  columns: number,
  sourceOf: (row: number) => number,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headDim;
    const source = row - within + sourceOf(within);
    result.set(values.subarray(source * columns, (source + 1) * columns), row * columns);
  }
  return result;
}
