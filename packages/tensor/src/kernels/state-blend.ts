/** The blend of the state stream (paper: between attention and FFN, elementwise, alpha per dimension). */
import { add, expandDims, mul, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

/**
 * `h = (1 - alpha) ⊙ a + alpha ⊙ state` where `keep` is 1, `h = a` where it is 0 (nothing precedes: the first position,
 * or the start of a document in a packed sequence). `state` holds at t what position t - 1 left.
 */
export const stateBlend = defineKernel<object>({
  name: "stateBlend",
  summary: "h = (1 - alpha) ⊙ a + alpha ⊙ state where keep is 1, a where it is 0",
  inputs: {
    a: { shape: ["batch", "time", "hiddenSize"] },
    state: { shape: ["batch", "time", "hiddenSize"] },
    alpha: { shape: ["hiddenSize"] },
    keep: { shape: ["batch", "time"] },
  },
  outputs: { h: { shape: ["batch", "time", "hiddenSize"] } },
  tolerance: 1e-5,
  compose: ({ a, state, alpha, keep }) => {
    const share = blendShare(alpha as Tensor, keep as Tensor);
    return { h: add(mul(sub(1, share), a as Tensor), mul(share, state as Tensor)) };
  },
  gradient: {
    saves: ["a", "state", "alpha", "keep"],
    compute: ({ h }, { a, state, alpha, keep }) => {
      const share = blendShare(alpha as Tensor, keep as Tensor);
      const kept = mul(h as Tensor, expandDims(keep as Tensor, -1));
      return {
        a: () => mul(sub(1, share), h as Tensor),
        state: () => mul(share, h as Tensor),
        alpha: () => sum(mul(kept, sub(state as Tensor, a as Tensor)), [0, 1]),
      };
    },
  },
});

/** alpha where a state precedes, 0 elsewhere: `[batch, time, hiddenSize]`. */
export function blendShare(alpha: Tensor, keep: Tensor): Tensor {
  return mul(expandDims(keep, -1), alpha);
}
