import { stateBlend, stateBlendGradient } from "../../kernels/state-blend.js";
import { at, type HostArray, mask, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const stateBlendOracle: Oracle = (inputs) => {
  const { a, state, alpha, keep } = inputs as Record<"a" | "state" | "alpha" | "keep", HostArray>;
  const hiddenSize = alpha.shape[0] as number;
  const h = zeros(a.shape);
  for (let row = 0; row < keep.data.length; row++) {
    for (let i = 0; i < hiddenSize; i++) {
      const index = row * hiddenSize + i;
      const blended = (1 - at(alpha, i)) * at(a, index) + at(alpha, i) * at(state, index);
      h.data[index] = at(keep, row) === 0 ? at(a, index) : blended;
    }
  }
  return { h };
};

export const stateBlendSuite = kernelSuite({
  kernel: stateBlend,
  gradientKernel: stateBlendGradient,
  oracle: stateBlendOracle,
  differentiable: ["a", "state", "alpha"],
  flags: ["keep"],
  ranges: { batch: [1, 4], time: [1, 12], hiddenSize: [1, 70] },
  picked: [
    { batch: 1, time: 1, hiddenSize: 1 },
    { batch: 2, time: 5, hiddenSize: 7 },
    { batch: 2, time: 0, hiddenSize: 7 },
    { batch: 1, time: 3, hiddenSize: 2053 },
    { batch: 2, time: 300, hiddenSize: 9 },
    { batch: 70_000, time: 1, hiddenSize: 2 },
  ],
  build: ({ batch, time, hiddenSize }, random) => ({
    inputs: {
      a: normals(random, [batch, time, hiddenSize]),
      state: normals(random, [batch, time, hiddenSize]),
      alpha: normals(random, [hiddenSize], 0.3),
      keep: mask(random, [batch, time], 0.3),
    },
    attributes: {},
  }),
  extremes: (random) => {
    const a = normals(random, [2, 3, 5]);
    const state = normals(random, [2, 3, 5]);
    const [alpha, keep] = [normals(random, [5], 0.3), mask(random, [2, 3], 0.5)];
    return {
      "alpha 0": { inputs: { a, state, alpha: zeros([5]), keep }, attributes: {} },
      "a state that is far larger": { inputs: { a, state: scaled(state, 1e20), alpha, keep }, attributes: {} },
      "nothing precedes anything": { inputs: { a, state, alpha, keep: zeros([2, 3]) }, attributes: {} },
    };
  },
});
