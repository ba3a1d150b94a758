/** The gated activation of a SwiGLU feed-forward network. */
import { add, mul, sigmoid, sub } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const wide = { shape: ["...", "width"] } as const;

/** `y = silu(gate) ⊙ up`. */
export const gatedActivation = defineKernel({
  name: "gatedActivation",
  summary: "y = silu(gate) ⊙ up",
  inputs: { gate: wide, up: wide },
  outputs: { y: wide },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ gate, up }) => ({ y: mul(mul(gate, sigmoid(gate)), up) }),
  gradient: {
    saves: ["gate", "up"],
    tolerance: 2e-5,
    compute: ({ y }, { gate, up }) => {
      const gradients = gatedActivationGradient({ dy: y, gate, up }, {});
      return { gate: () => gradients.dGate, up: () => gradients.dUp };
    },
  },
});

/** The gradient of `gatedActivation` for gate and up. */
export const gatedActivationGradient = defineKernel({
  name: "gatedActivationGradient",
  summary: "the gradient of gatedActivation for gate and up",
  inputs: { dy: wide, gate: wide, up: wide },
  outputs: { dGate: wide, dUp: wide },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ dy, gate, up }) => {
    const logistic = sigmoid(gate);
    const silu = mul(gate, logistic);
    const slope = add(logistic, mul(silu, sub(1, logistic)));
    return { dGate: mul(mul(dy, up), slope), dUp: mul(dy, silu) };
  },
});
