/** RMS norm over the last dimension, as in Llama. */
import { add, mean, mul, rsqrt, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

export interface RmsNormAttributes {
  readonly epsilon: number;
}

/** `y = x / sqrt(mean(x²) + epsilon) ⊙ weight`, x `[..., hiddenSize]`, weight `[hiddenSize]`. */
export const rmsNorm = defineKernel<RmsNormAttributes>({
  name: "rmsNorm",
  summary: "y = x / sqrt(mean(x²) + epsilon) ⊙ weight",
  inputs: { x: { shape: ["...", "hiddenSize"] }, weight: { shape: ["hiddenSize"] } },
  outputs: { y: { shape: ["...", "hiddenSize"] } },
  tolerance: 1e-5,
  compose: ({ x, weight }, { epsilon }) => ({
    y: mul(mul(x as Tensor, inverseScale(x as Tensor, epsilon)), weight as Tensor),
  }),
  gradient: {
    saves: ["x", "weight"],
    compute: ({ y }, { x, weight }, attributes) => {
      const gradients = rmsNormGradient({ dy: y, x, weight }, attributes);
      return { x: () => gradients.dx as Tensor, weight: () => gradients.dWeight as Tensor };
    },
  },
});

/** The gradient of `rmsNorm` for x and weight. */
export const rmsNormGradient = defineKernel<RmsNormAttributes>({
  name: "rmsNormGradient",
  summary: "the gradient of rmsNorm for x and weight",
  inputs: {
    dy: { shape: ["...", "hiddenSize"] },
    x: { shape: ["...", "hiddenSize"] },
    weight: { shape: ["hiddenSize"] },
  },
  outputs: { dx: { shape: ["...", "hiddenSize"] }, dWeight: { shape: ["hiddenSize"] } },
  tolerance: 1e-5,
  compose: ({ dy, x, weight }, { epsilon }) => {
    const scale = inverseScale(x as Tensor, epsilon);
    const normalised = mul(x as Tensor, scale);
    const scaled = mul(dy as Tensor, weight as Tensor);
    const along = mul(normalised, mean(mul(scaled, normalised), -1, true));
    const leading = normalised.shape.slice(0, -1).map((_, axis) => axis);
    return { dx: mul(sub(scaled, along), scale), dWeight: sum(mul(dy as Tensor, normalised), leading) };
  },
});

function inverseScale(x: Tensor, epsilon: number): Tensor {
  return rsqrt(add(mean(square(x), -1, true), epsilon));
}
