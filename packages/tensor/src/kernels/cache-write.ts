/** Writes a chunk's keys or values into a cache of fixed size. */
import { concat, slice, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

export interface CacheWriteAttributes {
  /** The slot of the chunk's first row. */
  readonly offset: number;
}

/** `cache[:, offset + t] = rows[:, t]`. Uses up `cache`: a backend writes in place. The caller checks that it fits. */
export const cacheWrite = defineKernel<CacheWriteAttributes>({
  name: "cacheWrite",
  summary: "cache[:, offset + t] = rows[:, t]",
  inputs: {
    cache: { shape: ["batch", "capacity", "heads", "headDim"] },
    rows: { shape: ["batch", "time", "heads", "headDim"] },
  },
  outputs: { cache: { shape: ["batch", "capacity", "heads", "headDim"] } },
  consumes: ["cache"],
  tolerance: 0,
  compose: (inputs, { offset }) => {
    const cache = inputs.cache as Tensor;
    const rows = inputs.rows as Tensor;
    const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
    const after = offset + (rows.shape[1] as number);
    const head = slice(cache, [0, 0, 0, 0], [batch, offset, heads, headDim]);
    const tail = slice(cache, [0, after, 0, 0], [batch, capacity - after, heads, headDim]);
    return { cache: concat([head, rows, tail], 1) };
  },
});
