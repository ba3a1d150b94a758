/** The affine recurrence that carries a change of state through the residual path, as an associative scan. */
import { add, concat, mul, reverse, slice, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const sequence = { shape: ["batch", "time", "hiddenSize"] } as const;

/**
 * `s_t = coefficient_t ⊙ s_{t-1} + offset_t` with `s_{-1} = 0`, in O(log time) steps. An initial state is part of
 * `offset_0`, a document border a coefficient of 0.
 */
export const affineScan = defineKernel({
  name: "affineScan",
  summary: "s_t = coefficient_t ⊙ s_{t-1} + offset_t, s_{-1} = 0",
  inputs: { coefficient: sequence, offset: sequence },
  outputs: { s: sequence },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ coefficient, offset }) => ({ s: scan(coefficient, offset) }),
  gradient: {
    saves: ["coefficient", "s"],
    tolerance: 2e-5,
    compute: ({ s: ds }, { coefficient, s }) => {
      const gradients = affineScanGradient({ ds, coefficient, s }, {});
      return { offset: () => gradients.dOffset, coefficient: () => gradients.dCoefficient };
    },
  },
});

/** `dOffset_t = ds_t + coefficient_{t+1} ⊙ dOffset_{t+1}`: the same scan backwards in time; `dCoefficient_t = dOffset_t ⊙ s_{t-1}`. */
export const affineScanGradient = defineKernel({
  name: "affineScanGradient",
  summary: "the gradient of affineScan for coefficient and offset",
  inputs: { ds: sequence, coefficient: sequence, s: sequence },
  outputs: { dCoefficient: sequence, dOffset: sequence },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ ds, coefficient, s }) => {
    const dOffset = reverse(scan(later(reverse(coefficient, 1), 1), reverse(ds, 1)), 1);
    return { dOffset, dCoefficient: mul(dOffset, later(s, 1)) };
  },
});

/** Affine maps compose, so every step doubles the stretch that each position has taken in (Hillis and Steele). */
function scan(coefficient: Tensor, offset: Tensor): Tensor {
  let carried = coefficient;
  let result = offset;
  const time = result.shape[1] as number;
  for (let stride = 1; stride < time; stride *= 2) {
    result = add(result, mul(carried, later(result, stride)));
    carried = mul(carried, later(carried, stride));
  }
  return result === offset ? add(result, 0) : result;
}

/** x moved `steps` positions later along axis 1, zeros moving in. */
function later(x: Tensor, steps: number): Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  return concat([zeros([batch, steps, width]), slice(x, [0, 0, 0], [batch, time - steps, width])], 1);
}
