import { cacheWrite } from "../../kernels/cache-write.js";
import { at, type HostArray, normals } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const cacheWriteOracle: Oracle = (inputs, attributes) => {
  const { offset } = attributes as { offset: number };
  const { cache, rows } = inputs as { cache: HostArray; rows: HostArray };
  const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
  const [time, size] = [rows.shape[1] as number, heads * headDim];
  const written = { shape: cache.shape, data: Float64Array.from(cache.data) };
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      for (let i = 0; i < size; i++) {
        written.data[(b * capacity + offset + t) * size + i] = at(rows, (b * time + t) * size + i);
      }
    }
  }
  return { cache: written };
};

export const cacheWriteSuite = kernelSuite({
  kernel: cacheWrite,
  oracle: cacheWriteOracle,
  differentiable: [],
  ranges: { batch: [1, 3], before: [0, 5], time: [1, 5], after: [0, 5], heads: [1, 3], headDim: [1, 20] },
  picked: [
    { batch: 1, before: 0, time: 1, after: 0, heads: 1, headDim: 1 },
    { batch: 3, before: 0, time: 4, after: 5, heads: 2, headDim: 6 },
    { batch: 2, before: 5, time: 4, after: 0, heads: 2, headDim: 6 },
    { batch: 2, before: 3, time: 0, after: 2, heads: 2, headDim: 6 },
    { batch: 2, before: 300, time: 1, after: 700, heads: 2, headDim: 5 },
    { batch: 2, before: 1, time: 300, after: 2, heads: 3, headDim: 2 },
    { batch: 30_000, before: 1, time: 1, after: 1, heads: 1, headDim: 3 },
  ],
  build: ({ batch, before, time, after, heads, headDim }, random) => ({
    inputs: {
      cache: normals(random, [batch, before + time + after, heads, headDim]),
      rows: normals(random, [batch, time, heads, headDim]),
    },
    attributes: { offset: before },
  }),
});
