import { stateRecurrence, stateRecurrenceGradient } from "../../kernels/state-recurrence.js";
import { at, type HostArray, mask, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

type InputName = "a" | "alpha" | "keep" | "initial" | "normWeight" | "gate" | "up" | "down";

export const stateRecurrenceOracle: Oracle = (inputs, attributes) => {
  const { epsilon } = attributes as { epsilon: number };
  const { a, alpha, keep, initial, normWeight, gate, up, down } = inputs as Record<InputName, HostArray>;
  const [batch, time, hiddenSize] = a.shape as [number, number, number];
  const wide = gate.shape[0] as number;
  const y = zeros(a.shape);
  for (let b = 0; b < batch; b++) {
    let state = Array.from(initial.data.subarray(b * hiddenSize, (b + 1) * hiddenSize));
    for (let t = 0; t < time; t++) {
      const row = (b * time + t) * hiddenSize;
      const precedes = at(keep, b * time + t) !== 0;
      const h = state.map((value, i) =>
        precedes ? (1 - at(alpha, i)) * at(a, row + i) + at(alpha, i) * value : at(a, row + i),
      );
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

export const stateRecurrenceSuite = kernelSuite({
  kernel: stateRecurrence,
  gradientKernel: stateRecurrenceGradient,
  oracle: stateRecurrenceOracle,
  differentiable: ["a", "alpha", "initial", "normWeight", "gate", "up", "down"],
  flags: ["keep"],
  ranges: { batch: [1, 4], time: [1, 6], hiddenSize: [2, 20], wide: [1, 30] },
  picked: [
    { batch: 1, time: 1, hiddenSize: 1, wide: 1 },
    { batch: 2, time: 5, hiddenSize: 8, wide: 12 },
    { batch: 5, time: 4, hiddenSize: 7, wide: 9 },
    { batch: 2, time: 0, hiddenSize: 8, wide: 12 },
    { batch: 1, time: 40, hiddenSize: 6, wide: 5 },
    { batch: 2, time: 3, hiddenSize: 70, wide: 300 },
    { batch: 300, time: 2, hiddenSize: 3, wide: 4 },
  ],
  build: ({ batch, time, hiddenSize, wide }, random) => ({
    inputs: {
      a: normals(random, [batch, time, hiddenSize]),
      alpha: normals(random, [hiddenSize], 0.4),
      keep: mask(random, [batch, time], 0.3),
      initial: normals(random, [batch, hiddenSize]),
      normWeight: normals(random, [hiddenSize]),
      gate: normals(random, [wide, hiddenSize], 1 / Math.sqrt(hiddenSize)),
      up: normals(random, [wide, hiddenSize], 1 / Math.sqrt(hiddenSize)),
      down: normals(random, [hiddenSize, wide], 1 / Math.sqrt(wide)),
    },
    attributes: { epsilon: 1e-5 },
  }),
});
