/** Writes a chunk's keys or values into a cache of fixed size, which is a ring (`ring.ts`). */
import {
  add,
  cast,
  concat,
  expandDims,
  gather,
  greaterEqual,
  less,
  logicalAnd,
  minimum,
  mod,
  range,
  reshape,
  slice,
  sub,
  type Tensor,
  where,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { ahead, positionsOf } from "./ahead.js";

/**
 * `cache[:, (offset + t) mod capacity] = rows[:, t]`; of more rows than slots the last ones stay. With `ahead` row b begins at
 * `offset + ahead[b]`, and one that would begin before position 0 is left as it is. Uses up `cache`: a backend writes in place.
 */
export const cacheWrite = defineKernel({
  name: "cacheWrite",
  summary: "cache[:, (offset + t) mod capacity] = rows[:, t]",
  inputs: {
    cache: { shape: ["batch", "capacity", "heads", "headDim"] },
    rows: { shape: ["batch", "time", "heads", "headDim"] },
    ahead,
  },
  outputs: { cache: { shape: ["batch", "capacity", "heads", "headDim"] } },
  attributes: {
    /** The position of the chunk's first row. */
    offset: { kind: "whole", minimum: 0, dynamic: true },
  },
  consumes: ["cache"],
  tolerance: 0,
  compose: ({ cache, rows, ahead }, { offset }) => {
    if (ahead !== undefined && rows.size > 0) return { cache: writtenByRow(cache, rows, positionsOf(ahead, offset)) };
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

/** @param positions `[batch]`, where each row begins */
function writtenByRow(cache: Tensor, rows: Tensor, positions: Tensor): Tensor {
  const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
  const time = rows.shape[1] as number;
  const count = Math.min(time, capacity);
  const first = expandDims(add(positions, time - count), 1);
  // How many slots behind that of the first row that stays: a slot is written where there is such a row.
  const behind = mod(sub(expandDims(range(0, capacity, 1, "float32"), 0), first), capacity);
  const isWritten = logicalAnd(less(behind, count), greaterEqual(expandDims(positions, 1), 0));
  const sources = cast(minimum(add(behind, time - count), time - 1), "int32");
  const values = gather(rows, sources, 1, 1);
  return where(reshape(isWritten, [batch, capacity, 1, 1]), reshape(values, [batch, capacity, heads, headDim]), cache);
}
