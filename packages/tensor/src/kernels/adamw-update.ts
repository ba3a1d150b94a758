/** One step of AdamW (Loshchilov and Hutter 2019) on one parameter: decay is decoupled from the gradient. */
import { add, div, mul, sqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

export interface AdamWAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Counted from 1; the moments' bias is corrected for it. */
  readonly step: number;
  /** The gradient is multiplied by this first (clipping, accumulation). */
  readonly gradientScale: number;
}

/** Uses up `parameter`, `m` and `v`: a backend may update them in place. */
export const adamwUpdate = defineKernel<AdamWAttributes>({
  name: "adamwUpdate",
  summary: "one AdamW step on one parameter",
  inputs: {
    parameter: { shape: ["..."] },
    gradient: { shape: ["..."] },
    m: { shape: ["..."] },
    v: { shape: ["..."] },
  },
  outputs: { parameter: { shape: ["..."] }, m: { shape: ["..."] }, v: { shape: ["..."] } },
  consumes: ["parameter", "m", "v"],
  tolerance: 1e-5,
  compose: (inputs, { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale }) => {
    const parameter = inputs.parameter as Tensor;
    const gradient = mul(inputs.gradient as Tensor, gradientScale);
    const m = add(mul(inputs.m as Tensor, beta1), mul(gradient, 1 - beta1));
    const v = add(mul(inputs.v as Tensor, beta2), mul(square(gradient), 1 - beta2));
    const direction = div(div(m, 1 - beta1 ** step), add(sqrt(div(v, 1 - beta2 ** step)), epsilon));
    const decayed = mul(parameter, 1 - learningRate * weightDecay);
    return { parameter: sub(decayed, mul(direction, learningRate)), m, v };
  },
});
