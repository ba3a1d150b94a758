/** Writes a chunk's keys or values into a cache of fixed size. */
import { concat, slice } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

/** `cache[:, offset + t] = rows[:, t]`. Uses up `cache`: a backend writes in place. */
export const cacheWrite = defineKernel({
  name: "cacheWrite",
  summary: "cache[:, offset + t] = rows[:, t]",
  inputs: {
    cache: { shape: ["batch", "capacity", "heads", "headDim"] },
    rows: { shape: ["batch", "time", "heads", "headDim"] },
  },
  outputs: { cache: { shape: ["batch", "capacity", "heads", "headDim"] } },
  attributes: {
    /** The slot of the chunk's first row. */
    offset: { kind: "whole", minimum: 0, dynamic: true },
  },
  requires: ({ time, capacity }, { offset }) =>
    offset + (time as number) <= (capacity as number)
      ? undefined
      : `${time} rows from slot ${offset} on do not fit a capacity of ${capacity}`,
  consumes: ["cache"],
  tolerance: 0,
  compose: ({ cache, rows }, { offset }) => {
    const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
    const after = offset + (rows.shape[1] as number);
    const head = slice(cache, [0, 0, 0, 0], [batch, offset, heads, headDim]);
    const tail = slice(cache, [0, after, 0, 0], [batch, capacity - after, heads, headDim]);
    return { cache: concat([head, rows, tail], 1) };
  },
});
