import type { RmsNormAttributes } from "../../kernels/rms-norm.js";
import { stateRecurrence, stateRecurrenceGradient } from "../../kernels/state-recurrence.js";
import { at, type HostArray, mask, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

type InputName = "a" | "alpha" | "keep" | "initial" | "normWeight" | "gate" | "up" | "down";

export const stateRecurrenceOracle: Oracle<RmsNormAttributes> = (inputs, { epsilon }) => {
  const { a, alpha, keep, initial, normWeight, gate, up, down } = inputs as Record<InputName, HostArray>;
  const [batch, time, hiddenSize] = a.shape as [number, number, number];
  const wide = gate.shape[0] as number;
  const y = zeros(a.shape);
  for (let b = 0; b < batch; b++) {
    let state = Array.from(initial.data.subarray(b * hiddenSize, (b + 1) * hiddenSize));
    for (let t = 0; t < time; t++) {
      const row = (b * time + t) * hiddenSize;
      const share = (i: number) => at(keep, b * time + t) * at(alpha, i);
      const h = state.map((value, i) => (1 - share(i)) * at(a, row + i) + share(i) * value);
      const scale = 1 / Math.sqrt(h.reduce((sum, value) => sum + value ** 2, 0) / hiddenSize + epsilon);
      const n = h.map((value, i) => value * scale * at(normWeight, i));
      const activation = Array.from({ length: wide }, (_, j) => {
        const gated = n.reduce((sum, value, i) => sum + at(gate, j * hiddenSize + i) * value, 0);
        const raised = n.reduce((sum, value, i) => sum + at(up, j * hiddenSize + i) * value, 0);
        return (gated / (1 + Math.exp(-gated))) * raised;
      });
      state = h.map((value, i) => value + activation.reduce((sum, unit, j) => sum + at(down, i * wide + j) * unit, 0));
      y.data.set(state, row);
    }
  }
  return { y };
};

export const stateRecurrenceSuite: KernelSuite<RmsNormAttributes> = {
  kernel: stateRecurrence,
  gradientKernel: stateRecurrenceGradient,
  oracle: stateRecurrenceOracle,
  differentiable: ["a", "alpha", "initial", "normWeight", "gate", "up", "down"],
  cases: (random) =>
    [
      { batch: 1, time: 1, hiddenSize: 4, wide: 4 },
      { batch: 2, time: 5, hiddenSize: 8, wide: 12 },
      { batch: 5, time: 4, hiddenSize: 7, wide: 9 },
      { batch: 3, time: 9, hiddenSize: 16, wide: 24 },
    ].map(({ batch, time, hiddenSize, wide }) => ({
      title: `a [${batch},${time},${hiddenSize}], ${wide} wide`,
      inputs: {
        a: normals(random, [batch, time, hiddenSize]),
        alpha: normals(random, [hiddenSize], 0.4),
        keep: mask(random, [batch, time], 0.3),
        initial: normals(random, [batch, hiddenSize]),
        normWeight: normals(random, [hiddenSize]),
        gate: normals(random, [wide, hiddenSize], 0.4),
        up: normals(random, [wide, hiddenSize], 0.4),
        down: normals(random, [hiddenSize, wide], 0.4),
      },
      attributes: { epsilon: 1e-5 },
    })),
};
