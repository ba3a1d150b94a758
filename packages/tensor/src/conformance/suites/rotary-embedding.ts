import { rotaryEmbedding } from "../../kernels/rotary-embedding.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const rotaryEmbeddingOracle: Oracle<object> = (inputs) => {
  const { x, cos, sin } = inputs as { x: HostArray; cos: HostArray; sin: HostArray };
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  const half = headDim / 2;
  const y = zeros(x.shape);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      for (let head = 0; head < heads; head++) {
        const row = ((b * time + t) * heads + head) * headDim;
        for (let i = 0; i < half; i++) {
          const [c, s] = [at(cos, t * half + i), at(sin, t * half + i)];
          y.data[row + i] = at(x, row + i) * c - at(x, row + half + i) * s;
          y.data[row + half + i] = at(x, row + half + i) * c + at(x, row + i) * s;
        }
      }
    }
  }
  return { y };
};

export const rotaryEmbeddingSuite: KernelSuite = {
  kernel: rotaryEmbedding,
  oracle: rotaryEmbeddingOracle,
  differentiable: ["x"],
  cases: (random) =>
    [
      [1, 1, 1, 2],
      [2, 5, 3, 6],
      [3, 7, 2, 16],
    ].map((shape) => {
      const table = [shape[1] as number, (shape[3] as number) / 2];
      return {
        title: `x [${shape}]`,
        inputs: { x: normals(random, shape), cos: normals(random, table), sin: normals(random, table) },
        attributes: {},
      };
    }),
};
