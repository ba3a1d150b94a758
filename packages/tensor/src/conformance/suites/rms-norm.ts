import { rmsNorm, rmsNormGradient } from "../../kernels/rms-norm.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const rmsNormOracle: Oracle = (inputs, attributes) => {
  const { epsilon } = attributes as { epsilon: number };
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

export const rmsNormSuite = kernelSuite({
  kernel: rmsNorm,
  gradientKernel: rmsNormGradient,
  oracle: rmsNormOracle,
  differentiable: ["x", "weight"],
  ranges: { rows: [1, 40], hiddenSize: [1, 140] },
  picked: [
    { rows: 1, hiddenSize: 1 },
    { rows: 3, hiddenSize: 7 },
    { rows: 0, hiddenSize: 5 },
    { rows: 300, hiddenSize: 64 },
    { rows: 2, hiddenSize: 5003 },
    { rows: 70_000, hiddenSize: 3 },
  ],
  build: ({ rows, hiddenSize }, random) => ({
    inputs: { x: awayFromZero(normals(random, [rows, hiddenSize])), weight: normals(random, [hiddenSize]) },
    attributes: { epsilon: 1e-5 },
  }),
  extremes: (random) => {
    const x = normals(random, [3, 4, 9]);
    const weight = normals(random, [9]);
    const attributes = { epsilon: 1e-5 };
    return {
      "next to nothing, so that epsilon decides": { inputs: { x: scaled(x, 1e-6), weight }, attributes },
      zeros: { inputs: { x: zeros([2, 9]), weight }, attributes },
      "large values": { inputs: { x: scaled(x, 1e15), weight }, attributes },
      "one dimension": { inputs: { x: normals(random, [9]), weight }, attributes },
    };
  },
});

/** A short row next to zero would have a gradient in which large numbers cancel. */
function awayFromZero({ shape, data }: HostArray): HostArray {
  return { shape, data: data.map((value) => Math.fround(value + (value < 0 ? -0.5 : 0.5))) };
}
