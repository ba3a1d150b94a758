import { affineScan } from "../../kernels/affine-scan.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const affineScanOracle: Oracle<object> = (inputs) => {
  const { coefficient, offset } = inputs as { coefficient: HostArray; offset: HostArray };
  const [batch, time, width] = offset.shape as [number, number, number];
  const s = zeros(offset.shape);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      for (let i = 0; i < width; i++) {
        const index = (b * time + t) * width + i;
        s.data[index] = at(offset, index) + (t > 0 ? at(coefficient, index) * at(s, index - width) : 0);
      }
    }
  }
  return { s };
};

export const affineScanSuite: KernelSuite = {
  kernel: affineScan,
  oracle: affineScanOracle,
  differentiable: ["coefficient", "offset"],
  cases: (random) =>
    [
      [1, 1, 1],
      [1, 2, 3],
      [2, 5, 4],
      [3, 16, 5],
      [1, 33, 2],
    ].map((shape) => ({
      title: `offset [${shape}]`,
      inputs: { coefficient: normals(random, shape, 0.5), offset: normals(random, shape) },
      attributes: {},
    })),
};
