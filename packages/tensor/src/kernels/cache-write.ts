/** Writes a chunk's keys or values into a cache of fixed size, which is a ring (`ring.ts`). */
import { concat, slice, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

/**
 * `cache[:, (offset + t) mod capacity] = rows[:, t]`; of more rows than slots the last ones stay. Uses up `cache`: a backend
 * writes in place.
 */
export const cacheWrite = defineKernel({
  name: "cacheWrite",
  summary: "cache[:, (offset + t) mod capacity] = rows[:, t]",
  inputs: {
    cache: { shape: ["batch", "capacity", "heads", "headDim"] },
    rows: { shape: ["batch", "time", "heads", "headDim"] },
  },
  outputs: { cache: { shape: ["batch", "capacity", "heads", "headDim"] } },
  attributes: {
    /** The position of the chunk's first row. */
    offset: { kind: "whole", minimum: 0, dynamic: true },
  },
  consumes: ["cache"],
  tolerance: 0,
  compose: ({ cache, rows }, { offset }) => {
    const [capacity, time] = [cache.shape[1] as number, rows.shape[1] as number];
    const count = Math.min(time, capacity);
    const first = (offset + time - count) % capacity;
    const untilEnd = Math.min(count, capacity - first);
    // What goes beyond the last slot goes to the first ones.
    const around = slots(rows, time - count + untilEnd, count - untilEnd);
    const written = slots(rows, time - count, untilEnd);
    const head = slots(cache, count - untilEnd, first - (count - untilEnd));
    const tail = slots(cache, first + untilEnd, capacity - first - untilEnd);
    return { cache: concat([around, head, written, tail], 1) };
  },
});

function slots(x: Tensor, first: number, count: number): Tensor {
  const [batch, , heads, headDim] = x.shape as [number, number, number, number];
  return slice(x, [0, first, 0, 0], [batch, count, heads, headDim]);
}
