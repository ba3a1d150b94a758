import { type RmsNormAttributes, rmsNorm, rmsNormGradient } from "../../kernels/rms-norm.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const rmsNormOracle: Oracle<RmsNormAttributes> = (inputs, { epsilon }) => {
  const { x, weight } = inputs as { x: HostArray; weight: HostArray };
  const size = weight.shape[0] as number;
  const y = zeros(x.shape);
  for (let row = 0; row < x.data.length; row += size) {
    let squares = 0;
    for (let i = 0; i < size; i++) squares += at(x, row + i) ** 2;
    const scale = 1 / Math.sqrt(squares / size + epsilon);
    for (let i = 0; i < size; i++) y.data[row + i] = at(x, row + i) * scale * at(weight, i);
  }
  return { y };
};

export const rmsNormSuite: KernelSuite<RmsNormAttributes> = {
  kernel: rmsNorm,
  gradientKernel: rmsNormGradient,
  oracle: rmsNormOracle,
  differentiable: ["x", "weight"],
  cases: (random) =>
    [[1], [7], [3, 16], [2, 3, 5], [5, 1, 33], [70, 64]].map((shape) => ({
      title: `x [${shape}]`,
      inputs: { x: normals(random, shape), weight: normals(random, shape.slice(-1)) },
      attributes: { epsilon: 1e-5 },
    })),
};
