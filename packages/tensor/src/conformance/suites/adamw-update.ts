import { adamwUpdate } from "../../kernels/adamw-update.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const adamwUpdateOracle: Oracle = (inputs, attributes) => {
  const { learningRate, rateFactor, beta1, beta2, epsilon, weightDecay, step } = attributes as Record<
    "learningRate" | "rateFactor" | "beta1" | "beta2" | "epsilon" | "weightDecay" | "step",
    number
  >;
  const given = inputs as Record<"parameter" | "gradient" | "m" | "v" | "scale", HostArray>;
  const scale = at(given.scale, 0);
  if (!Number.isFinite(scale)) return { parameter: given.parameter, m: given.m, v: given.v };
  const rate = learningRate * rateFactor;
  const [parameter, m, v] = [zeros(given.parameter.shape), zeros(given.parameter.shape), zeros(given.parameter.shape)];
  for (let i = 0; i < parameter.data.length; i++) {
    const gradient = at(given.gradient, i) * scale;
    const first = beta1 * at(given.m, i) + (1 - beta1) * gradient;
    const second = beta2 * at(given.v, i) + (1 - beta2) * gradient ** 2;
    const direction = first / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon);
    parameter.data[i] = at(given.parameter, i) * (1 - rate * weightDecay) - rate * direction;
    m.data[i] = first;
    v.data[i] = second;
  }
  return { parameter, m, v };
};

const rates = { learningRate: 1e-3, rateFactor: 10, beta1: 0.9, beta2: 0.98, epsilon: 1e-2, weightDecay: 0.1 };

export const adamwUpdateSuite = kernelSuite({
  kernel: adamwUpdate,
  oracle: adamwUpdateOracle,
  differentiable: [],
  ranges: { rows: [1, 20], columns: [1, 40], step: [1, 2000] },
  picked: [
    { rows: 1, columns: 1, step: 1 },
    { rows: 3, columns: 5, step: 7 },
    { rows: 0, columns: 5, step: 7 },
    { rows: 1, columns: 70_001, step: 1000 },
    { rows: 70_000, columns: 3, step: 2 },
  ],
  build: ({ rows, columns, step }, random) => {
    const shape = [rows, columns];
    const v = normals(random, shape);
    return {
      inputs: {
        parameter: normals(random, shape),
        gradient: normals(random, shape),
        m: normals(random, shape),
        v: { shape, data: v.data.map(Math.abs) },
        scale: { shape: [1], data: Float64Array.of(0.5) },
      },
      attributes: { ...rates, step },
    };
  },
  extremes: (random) => {
    const none = zeros([7]);
    const parameter = normals(random, [7]);
    const withScale = (scale: number) => ({
      inputs: {
        parameter,
        gradient: normals(random, [7]),
        m: none,
        v: none,
        scale: { shape: [1], data: Float64Array.of(scale) },
      },
      attributes: { ...rates, step: 1 },
    });
    return {
      "a gradient of zero in the first step": {
        inputs: { parameter, gradient: none, m: none, v: none, scale: { shape: [1], data: Float64Array.of(1) } },
        attributes: { ...rates, step: 1 },
      },
      "a scale that is not a number": withScale(Number.NaN),
      "a scale that is infinite": withScale(Number.POSITIVE_INFINITY),
    };
  },
});
