import { gatedActivation, gatedActivationGradient } from "../../kernels/gated-activation.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const gatedActivationOracle: Oracle = (inputs) => {
  const { gate, up } = inputs as { gate: HostArray; up: HostArray };
  const y = zeros(gate.shape);
  for (let i = 0; i < y.data.length; i++) y.data[i] = (at(gate, i) / (1 + Math.exp(-at(gate, i)))) * at(up, i);
  return { y };
};

export const gatedActivationSuite = kernelSuite({
  kernel: gatedActivation,
  gradientKernel: gatedActivationGradient,
  oracle: gatedActivationOracle,
  differentiable: ["gate", "up"],
  ranges: { rows: [1, 30], width: [1, 140] },
  picked: [
    { rows: 1, width: 1 },
    { rows: 3, width: 5 },
    { rows: 0, width: 5 },
    { rows: 2, width: 2053 },
    { rows: 70_000, width: 3 },
  ],
  build: ({ rows, width }, random) => ({
    inputs: { gate: normals(random, [rows, width], 3), up: normals(random, [rows, width]) },
    attributes: {},
  }),
  extremes: (random) => {
    const gate = normals(random, [2, 3, 11]);
    const up = normals(random, [2, 3, 11]);
    return {
      "gates in the hundreds": { inputs: { gate: scaled(gate, 100), up }, attributes: {} },
      "gates whose exponential overflows": { inputs: { gate: scaled(gate, 1e4), up }, attributes: {} },
      "gates next to nothing": { inputs: { gate: scaled(gate, 1e-20), up }, attributes: {} },
    };
  },
});
