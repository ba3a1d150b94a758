/** The gated activation of a feed-forward network: SwiGLU's, and Gemma's with a GELU in place of silu. */
import { add, clipByValue, mul, sigmoid, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const wide = { shape: ["...", "width"] } as const;

/**
 * `silu(g) = g · sigmoid(g)`; `geluTanh(g) = 0.5 · g · (1 + tanh(√(2/π) · (g + 0.044715 · g³)))`, Hugging Face's
 * `gelu_pytorch_tanh`.
 */
export const activation = { kind: "choice", of: ["silu", "geluTanh"] } as const;

export type Activation = (typeof activation.of)[number];

/** `y = activation(gate) ⊙ up`. */
export const gatedActivation = defineKernel({
  name: "gatedActivation",
  summary: "y = activation(gate) ⊙ up",
  inputs: { gate: wide, up: wide },
  outputs: { y: wide },
  attributes: { activation },
  tolerance: 1e-5,
  compose: ({ gate, up }, { activation }) => ({ y: mul(mul(gate, sigmoid(logit(gate, activation))), up) }),
  gradient: {
    saves: ["gate", "up"],
    tolerance: 2e-5,
    compute: ({ y }, { gate, up }, given) => {
      const gradients = gatedActivationGradient({ dy: y, gate, up }, given);
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
  attributes: { activation },
  tolerance: 1e-5,
  compose: ({ dy, gate, up }, { activation }) => {
    const logistic = sigmoid(logit(gate, activation));
    const activated = mul(gate, logistic);
    const bend = mul(activated, sub(1, logistic));
    const slope = add(logistic, activation === "silu" ? bend : mul(bend, geluLogitSlope(gate)));
    return { dGate: mul(mul(dy, up), slope), dUp: mul(dy, activated) };
  },
});

const CUBIC = 0.044715;
const TWICE_ROOT = 2 * Math.sqrt(2 / Math.PI);

/** Beyond this, float32 knows of no gate that passes in part; and cubes stay finite within. */
const LARGEST_GATE = 16;

/**
 * An activation passes on the share `sigmoid(logit)` of its gate. For geluTanh that is `(1 + tanh(u)) / 2 = sigmoid(2u)`, in which
 * nothing cancels.
 */
function logit(gate: Tensor, activation: Activation): Tensor {
  if (activation === "silu") return gate;
  const g = within(gate);
  return mul(mul(g, add(mul(square(g), CUBIC), 1)), TWICE_ROOT);
}

function geluLogitSlope(gate: Tensor): Tensor {
  return mul(add(mul(square(within(gate)), 3 * CUBIC), 1), TWICE_ROOT);
}

function within(gate: Tensor): Tensor {
  return clipByValue(gate, -LARGEST_GATE, LARGEST_GATE);
}
