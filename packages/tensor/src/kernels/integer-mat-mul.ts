/**
 * A linear layer whose weight stays packed and whose input is rounded too: so a block's products are those of small
 * integers, which processors add up several at a time. The rounding is part of what is computed, and the same everywhere.
 *
 * Along the last dimension x has blocks of 32, the last one maybe shorter. With `peak` the largest magnitude of a block, all in
 * float32:
 *
 *     integer = round(x · (127 / peak))     to the nearest, halves to the even one
 *     value   = integer · (peak / 127)
 *
 * A block whose peak is below 2^-110 becomes zeros.
 */
import {
  abs,
  div,
  greaterEqual,
  matMul,
  max,
  mul,
  onesLike,
  pad,
  reshape,
  round,
  slice,
  type Tensor,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { SstError } from "../errors.js";
import { defineKernel } from "../kernel.js";
import { BLOCK_SIZE, integerFormats } from "../quantization.js";
import { dequantize, fits, onRows, packedInputs } from "./quantized-mat-mul.js";

/** What a block's largest magnitude becomes. */
export const LARGEST_INTEGER = 127;

/** Blocks that stay below it become zeros: 127 divided by much less would overflow. */
export const SMALLEST_PEAK = 2 ** -110;

/**
 * `y = round(x) · weightᵀ`, x `[..., inSize]` rounded to 8 bits in blocks of 32, weight `[outSize, inSize]` packed. The rounding
 * has no gradient, and asking for one is refused.
 */
export const integerMatMul = defineKernel({
  name: "integerMatMul",
  summary: "y = x · weightᵀ with x rounded to 8 bits in blocks of 32 and a weight packed in int8 or int4",
  inputs: { x: { shape: ["...", "inSize"] }, ...packedInputs },
  outputs: { y: { shape: ["...", "outSize"] } },
  attributes: { format: { kind: "choice", of: integerFormats } },
  requires: fits,
  tolerance: 1e-5,
  compose: ({ x, words, scales }, { format }) => {
    const weight = dequantize(words, scales, x.shape.at(-1) as number, format);
    return { y: onRows(x, (rows) => matMul(roundRows(rows), weight, false, true)) };
  },
  gradient: {
    saves: [],
    tolerance: 0,
    compute: () => ({
      x: () => {
        throw new SstError(
          "contradiction",
          "integerMatMul rounds its input and has no gradient: train on a model whose activations are floats",
        );
      },
    }),
  },
});

/** What rows `[rows, inSize]` are rounded to. */
function roundRows(x: Tensor): Tensor {
  const [rows, inSize] = x.shape as [number, number];
  const blocks = Math.ceil(inSize / BLOCK_SIZE);
  const filled = pad(x, [
    [0, 0],
    [0, blocks * BLOCK_SIZE - inSize],
  ]);
  const byBlock = reshape(filled, [rows * blocks, BLOCK_SIZE]);
  const peaks = max(abs(byBlock), 1, true);
  const isLarge = greaterEqual(peaks, SMALLEST_PEAK);
  const inverses = where(isLarge, div(LARGEST_INTEGER, where(isLarge, peaks, onesLike(peaks))), zerosLike(peaks));
  const values = mul(round(mul(byBlock, inverses)), div(peaks, LARGEST_INTEGER));
  return slice(reshape(values, [rows, blocks * BLOCK_SIZE]), [0, 0], [rows, inSize]);
}
