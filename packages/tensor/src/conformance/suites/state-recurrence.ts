import { stateRecurrence, stateRecurrenceGradient } from "../../kernels/state-recurrence.js";
import { at, type HostArray, mask, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";
import { activated, activationOf } from "./gated-activation.js";

type InputName = "a" | "alpha" | "keep" | "initial" | "normWeight" | "gate" | "up" | "down";

function normed(x: number[], weight: HostArray, epsilon: number): number[] {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / x.length + epsilon);
  return x.map((value, i) => value * scale * at(weight, i));
}

export const stateRecurrenceOracle: Oracle = (inputs, attributes) => {
  const { epsilon, activation } = attributes as { epsilon: number; activation: string };
  const { a, alpha, keep, initial, normWeight, gate, up, down } = inputs as Record<InputName, HostArray>;
  const { outNormWeight } = inputs;
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
      const n = normed(h, normWeight, epsilon);
      const units = Array.from({ length: wide }, (_, j) => {
        const gated = n.reduce((sum, value, i) => sum + at(gate, j * hiddenSize + i) * value, 0);
        const raised = n.reduce((sum, value, i) => sum + at(up, j * hiddenSize + i) * value, 0);
        return activated(gated, activation) * raised;
      });
      const out = h.map((_, i) => units.reduce((sum, unit, j) => sum + at(down, i * wide + j) * unit, 0));
      const branch = outNormWeight ? normed(out, outNormWeight, epsilon) : out;
      state = h.map((value, i) => value + (branch[i] as number));
      y.data.set(state, row);
    }
  }
  return { y };
};

const ordinary = { batch: 1, time: 1, hiddenSize: 1, wide: 1, isGelu: 0, hasOutNorm: 0 };
const gemma = { ...ordinary, isGelu: 1, hasOutNorm: 1 };

export const stateRecurrenceSuite = kernelSuite({
  kernel: stateRecurrence,
  gradientKernel: stateRecurrenceGradient,
  oracle: stateRecurrenceOracle,
  differentiable: ["a", "alpha", "initial", "normWeight", "gate", "up", "down", "outNormWeight"],
  flags: ["keep"],
  ranges: { batch: [1, 4], time: [1, 6], hiddenSize: [2, 20], wide: [1, 30], isGelu: [0, 1], hasOutNorm: [0, 1] },
  picked: [
    { ...ordinary },
    { ...ordinary, batch: 2, time: 5, hiddenSize: 8, wide: 12 },
    { ...ordinary, batch: 5, time: 4, hiddenSize: 7, wide: 9 },
    { ...ordinary, batch: 2, time: 0, hiddenSize: 8, wide: 12 },
    { ...ordinary, time: 40, hiddenSize: 6, wide: 5 },
    { ...ordinary, batch: 2, time: 3, hiddenSize: 70, wide: 300 },
    { ...ordinary, batch: 300, time: 2, hiddenSize: 3, wide: 4 },
    { ...gemma, batch: 2, time: 5, hiddenSize: 8, wide: 12 },
    { ...gemma, batch: 2, time: 1, hiddenSize: 9, wide: 5 },
    { ...gemma, time: 40, hiddenSize: 6, wide: 5 },
    { ...gemma, batch: 2, time: 3, hiddenSize: 70, wide: 300 },
    { ...gemma, batch: 300, time: 2, hiddenSize: 3, wide: 4 },
    { ...ordinary, batch: 3, time: 4, hiddenSize: 8, wide: 12, isGelu: 1 },
    { ...ordinary, batch: 3, time: 4, hiddenSize: 8, wide: 12, hasOutNorm: 1 },
  ],
  build: ({ batch, time, hiddenSize, wide, isGelu, hasOutNorm }, random) => ({
    inputs: {
      a: normals(random, [batch, time, hiddenSize]),
      alpha: normals(random, [hiddenSize], 0.4),
      keep: mask(random, [batch, time], 0.3),
      initial: normals(random, [batch, hiddenSize]),
      normWeight: normals(random, [hiddenSize]),
      gate: normals(random, [wide, hiddenSize], 1 / Math.sqrt(hiddenSize)),
      up: normals(random, [wide, hiddenSize], 1 / Math.sqrt(hiddenSize)),
      down: normals(random, [hiddenSize, wide], 1 / Math.sqrt(wide)),
      ...(hasOutNorm === 1 && { outNormWeight: normals(random, [hiddenSize]) }),
    },
    attributes: { epsilon: 1e-5, activation: activationOf(isGelu) },
  }),
});
