/**
 * A linear layer whose weight stays packed in device memory (`quantization.ts`): x is multiplied with the values that
 * the words stand for. The weight is frozen; the gradient is x's alone.
 */
import {
  add,
  cast,
  floorDiv,
  gather,
  greaterEqual,
  matMul,
  mod,
  mul,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  tensor1d,
  where,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import {
  BLOCK_SIZE,
  blocksPerRow,
  NF4_BLOCK_SIZE,
  nf4Values,
  scaleWords,
  type WeightFormat,
  weightFormats,
  wordsPerRow,
} from "../quantization.js";

export const packedInputs = {
  words: { shape: ["outSize", "wordsPerRow"], dtype: "int32" },
  /** `[0]` for f16, which has none. */
  scales: { shape: ["scaleWords"], dtype: "int32" },
} as const;
const format = { kind: "choice", of: weightFormats } as const;

export function fits(sizes: Readonly<Record<string, number>>, attributes: { readonly format: WeightFormat }) {
  const { outSize, inSize } = sizes as { outSize: number; inSize: number };
  const [words, scales] = [wordsPerRow(attributes.format, inSize), scaleWords(attributes.format, outSize, inSize)];
  if (sizes.wordsPerRow !== words) {
    return `rows of ${inSize} in ${attributes.format} have ${words} words, but "words" has ${sizes.wordsPerRow}`;
  }
  if (sizes.scaleWords !== scales) {
    return `${outSize} rows of ${inSize} in ${attributes.format} have ${scales} words of scales, but "scales" has ${sizes.scaleWords}`;
  }
  return undefined;
}

/** `y = x · weightᵀ`, x `[..., inSize]`, weight `[outSize, inSize]` packed. */
export const quantizedMatMul = defineKernel({
  name: "quantizedMatMul",
  summary: "y = x · weightᵀ with a weight packed in f16, int8, int4 or nf4",
  inputs: { x: { shape: ["...", "inSize"] }, ...packedInputs },
  outputs: { y: { shape: ["...", "outSize"] } },
  attributes: { format },
  requires: fits,
  // A device may round x to 16 bits, with a scale for each block of 32: a hundred times finer than int8 rounds the weight.
  tolerance: 1e-4,
  compose: ({ x, words, scales }, attributes) => {
    const inSize = x.shape.at(-1) as number;
    const weight = dequantize(words, scales, inSize, attributes.format);
    return { y: onRows(x, (rows) => matMul(rows, weight, false, true)) };
  },
  gradient: {
    saves: ["x", "words", "scales"],
    tolerance: 2e-5,
    compute: ({ y }, { x, words, scales }, attributes) => ({
      x: () =>
        quantizedMatMulGradient({ dy: y, words, scales }, { ...attributes, inSize: x.shape.at(-1) as number }).dx,
    }),
  },
});

/** The gradient of `quantizedMatMul` for x: `dx = dy · weight`. */
export const quantizedMatMulGradient = defineKernel({
  name: "quantizedMatMulGradient",
  summary: "dx = dy · weight with a weight packed in f16, int8, int4 or nf4",
  inputs: { dy: { shape: ["...", "outSize"] }, ...packedInputs },
  outputs: { dx: { shape: ["...", "inSize"] } },
  attributes: { format, inSize: { kind: "whole", minimum: 1 } },
  requires: fits,
  tolerance: 1e-5,
  compose: ({ dy, words, scales }, attributes) => {
    const weight = dequantize(words, scales, attributes.inSize, attributes.format);
    return { dx: onRows(dy, (rows) => matMul(rows, weight)) };
  },
});

/** The weight as float32, `[outSize, inSize]`. */
export function dequantize(words: Tensor, scales: Tensor, inSize: number, kind: WeightFormat): Tensor {
  const outSize = words.shape[0] as number;
  if (kind === "f16") return slice(halves(words), [0, 0], [outSize, inSize]);
  const blocks = blocksPerRow(kind, inSize);
  if (kind === "nf4") {
    const quantiles = gather(tensor1d([...nf4Values]), fields(words, 4) as Tensor<never>);
    const byBlock = reshape(quantiles, [outSize, blocks, NF4_BLOCK_SIZE]);
    const scaled = mul(byBlock, reshape(magnitudes(scales), [outSize, blocks, 1]));
    return slice(reshape(scaled, [outSize, blocks * NF4_BLOCK_SIZE]), [0, 0], [outSize, inSize]);
  }
  const integers = reshape(signedFields(words, kind === "int8" ? 8 : 4), [outSize, blocks, BLOCK_SIZE]);
  const factors = slice(reshape(halves(scales), [-1]), [0], [outSize * blocks]);
  const values = reshape(mul(integers, reshape(factors, [outSize, blocks, 1])), [outSize, blocks * BLOCK_SIZE]);
  return slice(values, [0, 0], [outSize, inSize]);
}

/** Every word split into fields of so many bits, lowest first: `[..., words]` to `[..., words · 32 / bits]`, int32, not negative. */
function fields(words: Tensor, bits: number): Tensor {
  const count = 32 / bits;
  const powers = tensor1d(
    Array.from({ length: count }, (_, index) => 2 ** (bits * index)),
    "int32",
  );
  // Rounding down, also of negative words, is what a shift with sign extension does.
  const shifted = floorDiv(reshape(words, [...words.shape, 1]), powers);
  const split = mod(shifted, scalar(2 ** bits, "int32"));
  return reshape(split, [...words.shape.slice(0, -1), (words.shape.at(-1) as number) * count]);
}

function signedFields(words: Tensor, bits: number): Tensor {
  const values = cast(fields(words, bits), "float32");
  return where(greaterEqual(values, 2 ** (bits - 1)), sub(values, 2 ** bits), values);
}

/** Halves to float32, by table: powers of two that are computed are not exact everywhere. */
function halves(words: Tensor): Tensor {
  const raw = fields(words, 16);
  const exponent = mod(floorDiv(raw, scalar(1024, "int32")), scalar(32, "int32"));
  const mantissa = cast(mod(raw, scalar(1024, "int32")), "float32");
  const powers = tensor1d(
    Array.from({ length: 32 }, (_, e) => (e === 31 ? Number.POSITIVE_INFINITY : 2 ** (Math.max(e, 1) - 25))),
  );
  const hidden = tensor1d(Array.from({ length: 32 }, (_, e) => (e === 0 ? 0 : 1024)));
  const magnitude = mul(
    add(gather(hidden, exponent as Tensor<never>), mantissa),
    gather(powers, exponent as Tensor<never>),
  );
  return where(greaterEqual(raw, scalar(32768, "int32")), mul(magnitude, -1), magnitude);
}

/** Floats that are not negative from their bits. The power goes up to 2^127 and the mantissa is below 2, so nothing overflows. */
function magnitudes(bits: Tensor): Tensor {
  const exponent = floorDiv(bits, scalar(2 ** 23, "int32"));
  const mantissa = cast(mod(bits, scalar(2 ** 23, "int32")), "float32");
  const powers = tensor1d(Array.from({ length: 256 }, (_, e) => 2 ** (Math.max(e, 1) - 127)));
  const hidden = tensor1d(Array.from({ length: 256 }, (_, e) => (e === 0 ? 0 : 1)));
  const significand = add(gather(hidden, exponent as Tensor<never>), mul(mantissa, 2 ** -23));
  return mul(significand, gather(powers, exponent as Tensor<never>));
}

export function onRows(x: Tensor, map: (rows: Tensor) => Tensor): Tensor {
  const result = map(reshape(x, [-1, x.shape.at(-1) as number]));
  return reshape(result, [...x.shape.slice(0, -1), result.shape[1] as number]);
}
