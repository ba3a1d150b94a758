/** RMS norm over the last dimension, as in Llama. */
import { add, mean, mul, rsqrt, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const rows = { shape: ["...", "hiddenSize"] } as const;
const weights = { shape: ["hiddenSize"] } as const;
const attributes = { epsilon: { kind: "real", minimum: 0 } } as const;

/** `y = x / sqrt(mean(x²) + epsilon) ⊙ weight`, x `[..., hiddenSize]`, weight `[hiddenSize]`. */
export const rmsNorm = defineKernel({
  name: "rmsNorm",
  summary: "y = x / sqrt(mean(x²) + epsilon) ⊙ weight",
  inputs: { x: rows, weight: weights },
  outputs: { y: rows },
  attributes,
  tolerance: 1e-5,
  compose: ({ x, weight }, { epsilon }) => ({ y: mul(mul(x, inverseScale(x, epsilon)), weight) }),
  gradient: {
    saves: ["x", "weight"],
    tolerance: 2e-5,
    compute: ({ y }, { x, weight }, { epsilon }) => {
      const gradients = rmsNormGradient({ dy: y, x, weight }, { epsilon });
      return { x: () => gradients.dx, weight: () => gradients.dWeight };
    },
  },
});

/** The gradient of `rmsNorm` for x and weight. */
export const rmsNormGradient = defineKernel({
  name: "rmsNormGradient",
  summary: "the gradient of rmsNorm for x and weight",
  inputs: { dy: rows, x: rows, weight: weights },
  outputs: { dx: rows, dWeight: weights },
  attributes,
  tolerance: 1e-5,
  compose: ({ dy, x, weight }, { epsilon }) => {
    const scale = inverseScale(x, epsilon);
    const normalised = mul(x, scale);
    const scaled = mul(dy, weight);
    const along = mul(normalised, mean(mul(scaled, normalised), -1, true));
    const leading = normalised.shape.slice(0, -1).map((_, axis) => axis);
    return { dx: mul(sub(scaled, along), scale), dWeight: sum(mul(dy, normalised), leading) };
  },
});

function inverseScale(x: Tensor, epsilon: number): Tensor {
  return rsqrt(add(mean(square(x), -1, true), epsilon));
}
