import { gatedActivation, gatedActivationGradient } from "../../kernels/gated-activation.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const gatedActivationOracle: Oracle<object> = (inputs) => {
  const { gate, up } = inputs as { gate: HostArray; up: HostArray };
  const y = zeros(gate.shape);
  for (let i = 0; i < y.data.length; i++) y.data[i] = (at(gate, i) / (1 + Math.exp(-at(gate, i)))) * at(up, i);
  return { y };
};

export const gatedActivationSuite: KernelSuite = {
  kernel: gatedActivation,
  gradientKernel: gatedActivationGradient,
  oracle: gatedActivationOracle,
  differentiable: ["gate", "up"],
  cases: (random) =>
    [[1], [6], [3, 5], [2, 3, 64], [4, 259]].map((shape) => ({
      title: `gate [${shape}]`,
      inputs: { gate: normals(random, shape, 3), up: normals(random, shape) },
      attributes: {},
    })),
};
