/**
 * Causal attention with grouped queries and its gradient. Keys are those of a cache, position u in slot u mod capacity, then the chunk's;
 * `iterations` columns belong to each position, and a `window` of positions is seen, or all of them where it is 0 (see the kernel's
 * definition).
 */
import { positionOf } from "../ahead";
import { Part } from "../parts";
import { grainOf, parallel } from "../threads";
import { blockAreaBytes, blockBackAreaBytes } from "./by-block";
import { queryAreaBytes } from "./by-query";

/** Shorter chunks go query by query, and those of rows of different lengths. */
const BLOCK_TIME: usize = 6;

@unmanaged
export class Attention {
  q: usize;
  k: usize;
  v: usize;
  pastK: usize;
  pastV: usize;
  y: usize;
  batch: usize;
  time: usize;
  heads: usize;
  keyValueHeads: usize;
  headDim: usize;
  capacity: usize;
  /** Positions before the chunk. */
  pastLength: usize;
  iterations: usize;
  window: usize;
  scale: f32;
  /** The column at which each column's document begins, `[batch, time]`; 0 where a row is one document. */
  starts: usize;
  /** How many more positions precede each entry of the batch, `[batch]`; 0 where as many precede all. */
  ahead: usize;
}

@unmanaged
export class AttentionGradient {
  dy: usize;
  q: usize;
  k: usize;
  v: usize;
  dq: usize;
  dk: usize;
  dv: usize;
  batch: usize;
  time: usize;
  heads: usize;
  keyValueHeads: usize;
  headDim: usize;
  iterations: usize;
  window: usize;
  scale: f32;
  /** The column at which each column's document begins, `[batch, time]`; 0 where a row is one document. */
  starts: usize;
}

// @ts-ignore: decorator
@inline
function goesByBlock(time: usize, iterations: usize, isUneven: bool): bool {
  return iterations == 1 && time >= BLOCK_TIME && !isUneven;
}

/** Positions before the chunk in an entry of the batch: no more than the cache holds, but where that is all that a window reaches. */
// @ts-ignore: decorator
@inline
export function pastOf(a: Attention, b: usize): usize {
  if (a.ahead == 0) return a.pastLength;
  const length = <usize>max<isize>(0, positionOf(a.pastLength, a.ahead, b));
  const holdsWindow = a.window > 0 && max<usize>(a.window - 1, 1) <= a.capacity;
  return holdsWindow ? length : min(length, a.capacity);
}

/** The first of the positions up to `position` that are within a window which ends there. */
// @ts-ignore: decorator
@inline
export function windowStart(position: usize, window: usize): usize {
  return window == 0 || window > position ? 0 : position + 1 - window;
}

/** Of so many positions before a chunk, those that it sees: the last ones. */
// @ts-ignore: decorator
@inline
export function pastInSight(pastLength: usize, window: usize): usize {
  return pastLength - windowStart(pastLength, window);
}

/** The first key that a column of the chunk sees, counted through `past` rows of a cache and then the chunk's positions. */
export function firstSeen(
  past: usize,
  starts: usize,
  b: usize,
  time: usize,
  column: usize,
  iterations: usize,
  window: usize,
): usize {
  const position = column / iterations;
  const first = windowStart(past + position, window);
  if (starts == 0) return first;
  const start = load<i32>(starts + (b * time + column) * 4);
  // Whatever it says, a column sees itself.
  return max(first, past + (start < 0 ? 0 : min(<usize>start / iterations, position)));
}

/** The slot of a position. */
// @ts-ignore: decorator
@inline
export function slotOf(position: usize, capacity: usize): usize {
  return capacity == 0 ? 0 : position % capacity;
}

/** What every thread needs in its work area; a chunk sees no more positions before it than the cache holds, so these may be given. */
export function attentionAreaBytes(
  pastLength: usize,
  time: usize,
  heads: usize,
  headDim: usize,
  iterations: usize,
  window: usize,
  isUneven: bool,
): usize {
  const past = pastInSight(pastLength, window);
  return goesByBlock(time, iterations, isUneven) ? blockAreaBytes(past, time, headDim) : queryAreaBytes(past, time, heads);
}

export function attentionGradientAreaBytes(time: usize, headDim: usize, iterations: usize): usize {
  return goesByBlock(time, iterations, false) ? blockBackAreaBytes(time, headDim) : time * 8;
}

export function causalAttention(a: Attention): void {
  const args = changetype<usize>(a);
  if (goesByBlock(a.time, a.iterations, a.ahead != 0)) {
    parallel(Part.attendByBlock, args, a.batch * a.keyValueHeads, 1);
  } else {
    // How long rows are that differ is not looked up for this.
    const keys = pastInSight(a.ahead == 0 ? a.pastLength : a.capacity / 2, a.window) + a.time;
    parallel(Part.attendByQuery, args, a.batch * a.time * a.heads, grainOf(keys * a.headDim));
  }
}

export function causalAttentionGradient(a: AttentionGradient): void {
  const part = goesByBlock(a.time, a.iterations, false) ? Part.attendByBlockBack : Part.attendByQueryBack;
  parallel(part, changetype<usize>(a), a.batch * a.keyValueHeads, 1);
}
