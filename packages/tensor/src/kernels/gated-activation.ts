/** The gated activation of a SwiGLU feed-forward network. */
import { add, mul, sigmoid, sub, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const pair = { gate: { shape: ["...", "width"] }, up: { shape: ["...", "width"] } } as const;

/** `y = silu(gate) ⊙ up`. */
export const gatedActivation = defineKernel<object>({
  name: "gatedActivation",
  summary: "y = silu(gate) ⊙ up",
  inputs: pair,
  outputs: { y: { shape: ["...", "width"] } },
  tolerance: 1e-5,
  compose: ({ gate, up }) => ({ y: mul(mul(gate as Tensor, sigmoid(gate as Tensor)), up as Tensor) }),
  gradient: {
    saves: ["gate", "up"],
    compute: ({ y }, { gate, up }) => {
      const gradients = gatedActivationGradient({ dy: y, gate, up }, {});
      return { gate: () => gradients.dGate as Tensor, up: () => gradients.dUp as Tensor };
    },
  },
});

/** The gradient of `gatedActivation` for gate and up. */
export const gatedActivationGradient = defineKernel<object>({
  name: "gatedActivationGradient",
  summary: "the gradient of gatedActivation for gate and up",
  inputs: { dy: { shape: ["...", "width"] }, ...pair },
  outputs: { dGate: { shape: ["...", "width"] }, dUp: { shape: ["...", "width"] } },
  tolerance: 1e-5,
  compose: ({ dy, gate, up }) => {
    const logistic = sigmoid(gate as Tensor);
    const silu = mul(gate as Tensor, logistic);
    const slope = add(logistic, mul(silu, sub(1, logistic)));
    return { dGate: mul(mul(dy as Tensor, up as Tensor), slope), dUp: mul(dy as Tensor, silu) };
  },
});
