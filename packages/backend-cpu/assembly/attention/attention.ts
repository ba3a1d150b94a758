/**
 * Causal attention with grouped queries and its gradient. Keys are the rows of a cache, then those of the chunk;
 * `iterations` columns belong to each position (see the kernel's definition).
 */
import { Part } from "../parts";
import { grainOf, parallel } from "../threads";
import { blockAreaBytes, blockBackAreaBytes } from "./by-block";
import { queryAreaBytes } from "./by-query";

/** Shorter chunks go query by query. */
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
  pastLength: usize;
  iterations: usize;
  scale: f32;
  /** The column at which each column's document begins, `[batch, time]`; 0 where a row is one document. */
  starts: usize;
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
  scale: f32;
  /** The column at which each column's document begins, `[batch, time]`; 0 where a row is one document. */
  starts: usize;
}

// @ts-ignore: decorator
@inline
function goesByBlock(time: usize, iterations: usize): bool {
  return iterations == 1 && time >= BLOCK_TIME;
}

/** The first of the chunk's columns that a column sees. */
export function firstSeen(starts: usize, b: usize, time: usize, column: usize): usize {
  if (starts == 0) return 0;
  const start = load<i32>(starts + (b * time + column) * 4);
  // Whatever it says, a column sees itself.
  return start < 0 ? 0 : min(<usize>start, column);
}

/** What every thread needs in its work area. */
export function attentionAreaBytes(
  pastLength: usize,
  time: usize,
  heads: usize,
  headDim: usize,
  iterations: usize,
): usize {
  return goesByBlock(time, iterations)
    ? blockAreaBytes(pastLength, time, headDim)
    : queryAreaBytes(pastLength, time, heads);
}

export function attentionGradientAreaBytes(time: usize, headDim: usize, iterations: usize): usize {
  return goesByBlock(time, iterations) ? blockBackAreaBytes(time, headDim) : time * 8;
}

export function causalAttention(a: Attention): void {
  const args = changetype<usize>(a);
  if (goesByBlock(a.time, a.iterations)) {
    parallel(Part.attendByBlock, args, a.batch * a.keyValueHeads, 1);
  } else {
    parallel(Part.attendByQuery, args, a.batch * a.time * a.heads, grainOf((a.pastLength + a.time) * a.headDim));
  }
}

export function causalAttentionGradient(a: AttentionGradient): void {
  const part = goesByBlock(a.time, a.iterations) ? Part.attendByBlockBack : Part.attendByQueryBack;
  parallel(part, changetype<usize>(a), a.batch * a.keyValueHeads, 1);
}
