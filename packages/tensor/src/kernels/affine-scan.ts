/** The affine recurrence that carries a change of state through the residual path, as an associative scan. */
import { add, concat, mul, reverse, slice, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { defineKernel, type Kernel } from "../kernel.js";

/**
 * `s_t = coefficient_t ⊙ s_{t-1} + offset_t` with `s_{-1} = 0`, in O(log time) steps: affine maps compose, so every step
 * doubles the stretch that each position has taken in (Hillis and Steele). An initial state is part of `offset_0`, a
 * document border a coefficient of 0.
 */
export const affineScan: Kernel = defineKernel<object>({
  name: "affineScan",
  summary: "s_t = coefficient_t ⊙ s_{t-1} + offset_t, s_{-1} = 0",
  inputs: {
    coefficient: { shape: ["batch", "time", "hiddenSize"] },
    offset: { shape: ["batch", "time", "hiddenSize"] },
  },
  outputs: { s: { shape: ["batch", "time", "hiddenSize"] } },
  tolerance: 1e-5,
  compose: ({ coefficient, offset }) => {
    let carried = coefficient as Tensor;
    let result = offset as Tensor;
    const time = result.shape[1] as number;
    for (let stride = 1; stride < time; stride *= 2) {
      result = add(result, mul(carried, later(result, stride)));
      carried = mul(carried, later(carried, stride));
    }
    return { s: result === offset ? add(result, 0) : result };
  },
  gradient: {
    saves: ["coefficient", "s"],
    compute: ({ s: ds }, { coefficient, s }) => {
      // g_t = ds_t + coefficient_{t+1} ⊙ g_{t+1}: the same scan, backwards in time.
      const backward = affineScan(
        { coefficient: later(reverse(coefficient as Tensor, 1), 1), offset: reverse(ds as Tensor, 1) },
        {},
      );
      const gradient = reverse(backward.s as Tensor, 1);
      return { offset: () => gradient, coefficient: () => mul(gradient, later(s as Tensor, 1)) };
    },
  },
});

/** x moved `steps` positions later along axis 1, zeros moving in. */
function later(x: Tensor, steps: number): Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  return concat([zeros([batch, steps, width]), slice(x, [0, 0, 0], [batch, time - steps, width])], 1);
}
