import { stateBlend } from "../../kernels/state-blend.js";
import { at, type HostArray, mask, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const stateBlendOracle: Oracle<object> = (inputs) => {
  const { a, state, alpha, keep } = inputs as Record<"a" | "state" | "alpha" | "keep", HostArray>;
  const hiddenSize = alpha.shape[0] as number;
  const h = zeros(a.shape);
  for (let row = 0; row < keep.data.length; row++) {
    for (let i = 0; i < hiddenSize; i++) {
      const index = row * hiddenSize + i;
      const share = at(keep, row) * at(alpha, i);
      h.data[index] = (1 - share) * at(a, index) + share * at(state, index);
    }
  }
  return { h };
};

export const stateBlendSuite: KernelSuite = {
  kernel: stateBlend,
  oracle: stateBlendOracle,
  differentiable: ["a", "state", "alpha"],
  cases: (random) =>
    [
      [1, 1, 1],
      [2, 5, 7],
      [5, 9, 16],
    ].map((shape) => ({
      title: `a [${shape}]`,
      inputs: {
        a: normals(random, shape),
        state: normals(random, shape),
        alpha: normals(random, shape.slice(-1), 0.3),
        keep: mask(random, shape.slice(0, 2), 0.3),
      },
      attributes: {},
    })),
};
