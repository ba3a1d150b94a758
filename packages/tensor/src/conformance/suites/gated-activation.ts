import { gatedActivation, gatedActivationGradient } from "../../kernels/gated-activation.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

/** Of one number, from its definition. */
export function activated(gate: number, activation: unknown): number {
  if (activation === "silu") return gate / (1 + Math.exp(-gate));
  return 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate ** 3)));
}

export const gatedActivationOracle: Oracle = (inputs, { activation }) => {
  const { gate, up } = inputs as { gate: HostArray; up: HostArray };
  const y = zeros(gate.shape);
  for (let i = 0; i < y.data.length; i++) y.data[i] = activated(at(gate, i), activation) * at(up, i);
  return { y };
};

/** Which one a case is made with: 0 or 1 among its sizes. */
export function activationOf(isGelu: number): "silu" | "geluTanh" {
  return isGelu === 0 ? "silu" : "geluTanh";
}

export const gatedActivationSuite = kernelSuite({
  kernel: gatedActivation,
  gradientKernel: gatedActivationGradient,
  oracle: gatedActivationOracle,
  differentiable: ["gate", "up"],
  ranges: { rows: [1, 30], width: [1, 140], isGelu: [0, 1] },
  picked: [0, 1].flatMap((isGelu) => [
    { rows: 1, width: 1, isGelu },
    { rows: 3, width: 5, isGelu },
    { rows: 0, width: 5, isGelu },
    { rows: 2, width: 2053, isGelu },
    { rows: 70_000, width: 3, isGelu },
  ]),
  build: ({ rows, width, isGelu }, random) => ({
    inputs: { gate: normals(random, [rows, width], 3), up: normals(random, [rows, width]) },
    attributes: { activation: activationOf(isGelu) },
  }),
  extremes: (random) => {
    const gate = normals(random, [2, 3, 11]);
    const up = normals(random, [2, 3, 11]);
    const cases = (["silu", "geluTanh"] as const).flatMap((activation) => {
      const of = (factor: number) => ({ inputs: { gate: scaled(gate, factor), up }, attributes: { activation } });
      return [
        [`${activation}: gates in the hundreds`, of(100)],
        [`${activation}: gates whose exponential overflows`, of(1e4)],
        [`${activation}: gates whose cube overflows`, of(1e30)],
        [`${activation}: gates next to nothing`, of(1e-20)],
      ] as const;
    });
    return Object.fromEntries(cases);
  },
});
