/** The mask of attention over a cache whose rows are filled to different lengths; calculated on the device, where the lengths are. */
import {
  add,
  clipByValue,
  concat,
  expandDims,
  greaterEqual,
  less,
  logicalAnd,
  mod,
  range,
  sub,
  type Tensor,
  tensor1d,
  tile,
} from "@tensorflow/tfjs-core";
import { positionsOf } from "./ahead.js";
import { causalMask, type Sight } from "./attention-parts.js";

export interface RowsSight extends Sight {
  readonly pastLength: number;
  /** Of the positions before, how many may be counted. */
  readonly most: number;
}

/**
 * `mask`: whether a slot of the cache, then a column of the chunk, is seen, `[batch, 1, group · time, capacity + time]`; `isHeld`: whether a
 * slot holds a position of the row, `[batch, capacity]`.
 */
export function maskOfRows(
  { q, k, pastK, ahead }: Readonly<Record<"q" | "k" | "pastK" | "ahead", Tensor>>,
  { pastLength, most, ...sight }: RowsSight,
): { readonly mask: Tensor; readonly isHeld: Tensor } {
  const [batch, time, heads] = q.shape as [number, number, number, number];
  const [capacity, keyValueHeads] = pastK.shape.slice(1) as [number, number];
  const group = heads / keyValueHeads;
  const lengths = expandDims(clipByValue(positionsOf(ahead, pastLength), 0, most), 1);
  // A slot holds the last position that fell on it; before the first one, a negative number.
  const newest = sub(lengths, 1);
  const held = sub(newest, mod(sub(newest, expandDims(range(0, capacity, 1, "float32"), 0)), capacity));
  const steps = tensor1d(Float32Array.from({ length: time }, (_, column) => Math.floor(column / sight.iterations)));
  const distances = sub(expandDims(add(lengths, steps), 2), expandDims(held, 1));
  const isHeld = greaterEqual(held, 0);
  const isReached = less(distances, sight.window === 0 ? Number.POSITIVE_INFINITY : sight.window);
  const past = tile(logicalAnd(expandDims(isHeld, 1), isReached), [1, group, 1]);
  const own = tile(expandDims(causalMask(q, k, [], sight), 0), [batch, 1, 1]);
  return { mask: expandDims(concat([past, own], 2), 1), isHeld };
}
