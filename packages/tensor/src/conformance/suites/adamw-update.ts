import { type AdamWAttributes, adamwUpdate } from "../../kernels/adamw-update.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const adamwUpdateOracle: Oracle<AdamWAttributes> = (inputs, attributes) => {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = attributes;
  const given = inputs as Record<"parameter" | "gradient" | "m" | "v", HostArray>;
  const [parameter, m, v] = [zeros(given.parameter.shape), zeros(given.parameter.shape), zeros(given.parameter.shape)];
  for (let i = 0; i < parameter.data.length; i++) {
    const gradient = at(given.gradient, i) * gradientScale;
    const first = beta1 * at(given.m, i) + (1 - beta1) * gradient;
    const second = beta2 * at(given.v, i) + (1 - beta2) * gradient ** 2;
    const direction = first / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon);
    parameter.data[i] = at(given.parameter, i) * (1 - learningRate * weightDecay) - learningRate * direction;
    m.data[i] = first;
    v.data[i] = second;
  }
  return { parameter, m, v };
};

export const adamwUpdateSuite: KernelSuite<AdamWAttributes> = {
  kernel: adamwUpdate,
  oracle: adamwUpdateOracle,
  differentiable: [],
  cases: (random) =>
    [[1], [7], [3, 5], [65, 4]].flatMap((shape) =>
      [1, 7, 1000].map((step) => {
        const v = normals(random, shape);
        return {
          title: `[${shape}], step ${step}`,
          inputs: {
            parameter: normals(random, shape),
            gradient: normals(random, shape),
            m: normals(random, shape),
            v: { shape, data: v.data.map(Math.abs) },
          },
          attributes: {
            learningRate: 1e-2,
            beta1: 0.9,
            beta2: 0.98,
            epsilon: 1e-2,
            weightDecay: 0.1,
            step,
            gradientScale: 0.5,
          },
        };
      }),
    ),
};
