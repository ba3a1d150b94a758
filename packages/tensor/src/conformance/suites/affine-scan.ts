import { affineScan, affineScanGradient } from "../../kernels/affine-scan.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const affineScanOracle: Oracle = (inputs) => {
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

export const affineScanSuite = kernelSuite({
  kernel: affineScan,
  gradientKernel: affineScanGradient,
  oracle: affineScanOracle,
  differentiable: ["coefficient", "offset"],
  // Composing maps, a scan multiplies coefficients that a loop never meets: the first one, and those before a zero.
  spreads: ["coefficient"],
  ranges: { batch: [1, 3], time: [1, 70], hiddenSize: [1, 40] },
  picked: [
    { batch: 1, time: 1, hiddenSize: 1 },
    { batch: 2, time: 5, hiddenSize: 7 },
    { batch: 2, time: 0, hiddenSize: 7 },
    { batch: 1, time: 2, hiddenSize: 1030 },
    { batch: 2, time: 2053, hiddenSize: 3 },
    { batch: 70_000, time: 2, hiddenSize: 1 },
  ],
  build: ({ batch, time, hiddenSize }, random) => ({
    inputs: {
      coefficient: normals(random, [batch, time, hiddenSize], 0.5),
      offset: normals(random, [batch, time, hiddenSize]),
    },
    attributes: {},
  }),
  extremes: (random) => {
    const shape = [2, 300, 3];
    const offset = normals(random, shape);
    const size = offset.data.length;
    return {
      "a running sum": {
        inputs: { coefficient: { shape, data: new Float64Array(size).fill(1) }, offset },
        attributes: {},
      },
      "borders everywhere": { inputs: { coefficient: zeros(shape), offset }, attributes: {} },
    };
  },
});
