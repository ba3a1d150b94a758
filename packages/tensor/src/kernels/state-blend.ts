/** The blend of the state stream (paper: between attention and FFN, elementwise, alpha per dimension). */
import { add, expandDims, greater, mul, sub, sum, type Tensor, where } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const sequence = { shape: ["batch", "time", "hiddenSize"] } as const;
const inputs = {
  a: sequence,
  state: sequence,
  alpha: { shape: ["hiddenSize"] },
  keep: { shape: ["batch", "time"] },
} as const;

/**
 * `h = (1 - alpha) ⊙ a + alpha ⊙ state` where `keep` is 1, `h = a` where it is 0 (nothing precedes: the first position,
 * or the start of a document in a packed sequence). `state` holds at t what position t - 1 left.
 */
export const stateBlend = defineKernel({
  name: "stateBlend",
  summary: "h = (1 - alpha) ⊙ a + alpha ⊙ state where keep is 1, a where it is 0",
  inputs,
  outputs: { h: sequence },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ a, state, alpha, keep }) => {
    const blended = add(mul(sub(1, alpha), a), mul(alpha, state));
    return { h: where(precedes(keep), blended, a) };
  },
  gradient: {
    saves: ["a", "state", "alpha", "keep"],
    tolerance: 2e-5,
    compute: ({ h }, saved) => {
      const gradients = stateBlendGradient({ dh: h, ...saved }, {});
      return { a: () => gradients.da, state: () => gradients.dState, alpha: () => gradients.dAlpha };
    },
  },
});

/** The gradient of `stateBlend` for a, state and alpha. */
export const stateBlendGradient = defineKernel({
  name: "stateBlendGradient",
  summary: "the gradient of stateBlend for a, state and alpha",
  inputs: { dh: sequence, ...inputs },
  outputs: { da: sequence, dState: sequence, dAlpha: inputs.alpha },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ dh, a, state, alpha, keep }) => {
    const kept = mul(dh, expandDims(keep, -1));
    return {
      da: where(precedes(keep), mul(sub(1, alpha), dh), dh),
      dState: mul(alpha, kept),
      dAlpha: sum(mul(kept, sub(state, a)), [0, 1]),
    };
  },
});

/** Whether a state precedes: `[batch, time, 1]`. */
function precedes(keep: Tensor): Tensor {
  return greater(expandDims(keep, -1), 0);
}
