import { type CacheWriteAttributes, cacheWrite } from "../../kernels/cache-write.js";
import { at, type HostArray, normals } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const cacheWriteOracle: Oracle<CacheWriteAttributes> = (inputs, { offset }) => {
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

export const cacheWriteSuite: KernelSuite<CacheWriteAttributes> = {
  kernel: cacheWrite,
  oracle: cacheWriteOracle,
  differentiable: [],
  cases: (random) =>
    [
      { batch: 1, capacity: 1, time: 1, offset: 0 },
      { batch: 3, capacity: 9, time: 4, offset: 0 },
      { batch: 2, capacity: 9, time: 4, offset: 5 },
      { batch: 2, capacity: 8, time: 1, offset: 3 },
    ].map(({ batch, capacity, time, offset }) => ({
      title: `${time} rows at ${offset} of ${capacity}, batch ${batch}`,
      inputs: { cache: normals(random, [batch, capacity, 2, 6]), rows: normals(random, [batch, time, 2, 6]) },
      attributes: { offset },
    })),
};
