/** One step of AdamW (Loshchilov and Hutter 2019) on one parameter: decay is decoupled from the gradient. */
import { add, div, isFinite as isFiniteTensor, mul, reshape, sqrt, square, sub, where } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

/**
 * Uses up `parameter`, `m` and `v`: a backend may update them in place. The gradient is multiplied by `scale` (clipping,
 * accumulation), which lives on the device, so that nobody has to wait for the gradient's norm; where it is not finite
 * nothing changes, so that a step that went wrong can be found out afterwards.
 */
export const adamwUpdate = defineKernel({
  name: "adamwUpdate",
  summary: "one AdamW step on one parameter; none where the scale is not finite",
  inputs: {
    parameter: { shape: ["..."] },
    gradient: { shape: ["..."] },
    m: { shape: ["..."] },
    v: { shape: ["..."] },
    scale: { shape: [1] },
  },
  outputs: { parameter: { shape: ["..."] }, m: { shape: ["..."] }, v: { shape: ["..."] } },
  attributes: {
    /** The schedule's rate, the same for all parameters of a step. */
    learningRate: { kind: "real", minimum: 0, dynamic: true },
    /** This parameter's rate as a multiple of it. */
    rateFactor: { kind: "real", minimum: 0 },
    beta1: { kind: "real", minimum: 0 },
    beta2: { kind: "real", minimum: 0 },
    epsilon: { kind: "real", minimum: 0 },
    weightDecay: { kind: "real", minimum: 0 },
    /** Counted from 1; the moments' bias is corrected for it. */
    step: { kind: "whole", minimum: 1, dynamic: true },
  },
  consumes: ["parameter", "m", "v"],
  tolerance: 1e-5,
  compose: (inputs, { learningRate, rateFactor, beta1, beta2, epsilon, weightDecay, step }) => {
    const rate = learningRate * rateFactor;
    const scale = reshape(inputs.scale, []);
    const gradient = mul(inputs.gradient, scale);
    const m = add(mul(inputs.m, beta1), mul(gradient, 1 - beta1));
    const v = add(mul(inputs.v, beta2), mul(square(gradient), 1 - beta2));
    const direction = div(div(m, 1 - beta1 ** step), add(sqrt(div(v, 1 - beta2 ** step)), epsilon));
    const decayed = mul(inputs.parameter, 1 - rate * weightDecay);
    const isGood = isFiniteTensor(scale);
    return {
      parameter: where(isGood, sub(decayed, mul(direction, rate)), inputs.parameter),
      m: where(isGood, m, inputs.m),
      v: where(isGood, v, inputs.v),
    };
  },
});
