import { cacheWrite } from "../../kernels/cache-write.js";
import { at, drawnAhead, type HostArray, normals } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const cacheWriteOracle: Oracle = (inputs, attributes) => {
  const { offset } = attributes as { offset: number };
  const { cache, rows, ahead } = inputs as { cache: HostArray; rows: HostArray; ahead?: HostArray };
  const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
  const [time, size] = [rows.shape[1] as number, heads * headDim];
  const written = { shape: cache.shape, data: Float64Array.from(cache.data) };
  for (let b = 0; b < batch; b++) {
    const first = offset + (ahead === undefined ? 0 : at(ahead, b));
    for (let t = 0; t < time && first >= 0; t++) {
      const slot = (first + t) % capacity;
      for (let i = 0; i < size; i++) {
        written.data[(b * capacity + slot) * size + i] = at(rows, (b * time + t) * size + i);
      }
    }
  }
  return { cache: written };
};

export const cacheWriteSuite = kernelSuite({
  kernel: cacheWrite,
  oracle: cacheWriteOracle,
  differentiable: [],
  ranges: {
    batch: [1, 3],
    offset: [0, 17],
    time: [1, 9],
    capacity: [1, 12],
    heads: [1, 3],
    headDim: [1, 20],
    isUneven: [0, 1],
  },
  picked: [
    { batch: 1, offset: 0, time: 1, capacity: 1, heads: 1, headDim: 1, isUneven: 0 },
    { batch: 3, offset: 0, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    // Ends with the last slot, before it, one beyond it, begins behind it, and has gone around several times.
    { batch: 2, offset: 5, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    { batch: 2, offset: 4, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    { batch: 2, offset: 6, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    { batch: 2, offset: 9, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    { batch: 2, offset: 1_000_007, time: 4, capacity: 9, heads: 2, headDim: 6, isUneven: 0 },
    // As many rows as slots, one more, and several times as many.
    { batch: 2, offset: 3, time: 5, capacity: 5, heads: 2, headDim: 3, isUneven: 0 },
    { batch: 2, offset: 3, time: 6, capacity: 5, heads: 2, headDim: 3, isUneven: 0 },
    { batch: 2, offset: 7, time: 23, capacity: 5, heads: 2, headDim: 3, isUneven: 0 },
    { batch: 2, offset: 7, time: 3, capacity: 1, heads: 2, headDim: 3, isUneven: 0 },
    { batch: 2, offset: 3, time: 0, capacity: 5, heads: 2, headDim: 6, isUneven: 0 },
    { batch: 2, offset: 300, time: 1, capacity: 1001, heads: 2, headDim: 5, isUneven: 0 },
    { batch: 2, offset: 1, time: 300, capacity: 303, heads: 3, headDim: 2, isUneven: 0 },
    { batch: 2, offset: 200, time: 300, capacity: 303, heads: 3, headDim: 2, isUneven: 0 },
    // Rows that begin at positions of their own.
    { batch: 4, offset: 5, time: 1, capacity: 9, heads: 2, headDim: 6, isUneven: 1 },
    { batch: 3, offset: 300, time: 4, capacity: 9, heads: 2, headDim: 5, isUneven: 1 },
    { batch: 3, offset: 2, time: 23, capacity: 5, heads: 2, headDim: 3, isUneven: 1 },
    { batch: 3, offset: 2, time: 0, capacity: 5, heads: 2, headDim: 3, isUneven: 1 },
    { batch: 300, offset: 0, time: 1, capacity: 300, heads: 1, headDim: 3, isUneven: 1 },
    { batch: 30_000, offset: 1, time: 1, capacity: 3, heads: 1, headDim: 3, isUneven: 0 },
  ],
  build: ({ batch, offset, time, capacity, heads, headDim, isUneven }, random) => ({
    inputs: {
      cache: normals(random, [batch, capacity, heads, headDim]),
      rows: normals(random, [batch, time, heads, headDim]),
      ...(isUneven && { ahead: drawnAhead(random, batch, 2 * capacity) }),
    },
    attributes: { offset },
  }),
});
