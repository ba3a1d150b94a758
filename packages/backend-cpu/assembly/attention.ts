/**
 * Causal attention with grouped queries, one query at a time over the keys that it sees: no time × time matrix. Keys are
 * the rows of a cache, then those of the chunk; `iterations` columns belong to each position (see the kernel's
 * definition).
 */
import { addScaled, dot, exp4 } from "./math";

/** softmax over `count` floats in place. */
function softmax(values: usize, count: usize): void {
  let largest: f32 = -Infinity;
  for (let i: usize = 0; i < count; i++) largest = max(largest, load<f32>(values + i * 4));
  let sum: f32 = 0;
  for (let i: usize = 0; i < count; i += 4) {
    // The last group may reach beyond `count`: the scratch area is rounded up, and only what counts is added.
    const lanes = exp4(f32x4.sub(v128.load(values + i * 4), f32x4.splat(largest)));
    v128.store(values + i * 4, lanes);
    const end = min(count - i, 4);
    for (let lane: usize = 0; lane < end; lane++) sum += load<f32>(values + (i + lane) * 4);
  }
  const factor = <f32>1 / sum;
  for (let i: usize = 0; i < count; i++) store<f32>(values + i * 4, load<f32>(values + i * 4) * factor);
}

/** The column of the chunk that a query's `index`-th visible key stands in; the last one is its own. */
// @ts-ignore: decorator
@inline
function visibleColumn(index: usize, visible: usize, query: usize, iterations: usize): usize {
  return index == visible - 1 ? query : index * iterations + iterations - 1;
}

/** Scratch bytes of both directions, for one query's weights and their gradient. */
export function attentionScratchBytes(pastLength: usize, time: usize): usize {
  return (pastLength + time + 4) * 8;
}

/** Puts the attention weights of one query into `weights`, the cache's keys first; returns how many there are. */
function queryWeights(
  query: usize,
  pastKeys: usize,
  keys: usize,
  weights: usize,
  pastLength: usize,
  column: usize,
  iterations: usize,
  keyStride: usize,
  headDim: usize,
  scale: f32,
): usize {
  const visible = column / iterations + 1;
  for (let i: usize = 0; i < pastLength; i++) {
    store<f32>(weights + i * 4, scale * dot(query, pastKeys + i * keyStride * 4, headDim));
  }
  for (let i: usize = 0; i < visible; i++) {
    const key = keys + visibleColumn(i, visible, column, iterations) * keyStride * 4;
    store<f32>(weights + (pastLength + i) * 4, scale * dot(query, key, headDim));
  }
  softmax(weights, pastLength + visible);
  return visible;
}

export function causalAttention(
  q: usize,
  k: usize,
  v: usize,
  pastK: usize,
  pastV: usize,
  y: usize,
  batch: usize,
  time: usize,
  heads: usize,
  keyValueHeads: usize,
  headDim: usize,
  capacity: usize,
  pastLength: usize,
  iterations: usize,
  scale: f32,
  scratch: usize,
): void {
  const group = heads / keyValueHeads;
  const keyStride = keyValueHeads * headDim;
  memory.fill(y, 0, batch * time * heads * headDim * 4);
  for (let b: usize = 0; b < batch; b++) {
    for (let head: usize = 0; head < heads; head++) {
      const keyHead = (head / group) * headDim * 4;
      const keys = k + b * time * keyStride * 4 + keyHead;
      const values = v + b * time * keyStride * 4 + keyHead;
      const pastKeys = pastK + b * capacity * keyStride * 4 + keyHead;
      const pastValues = pastV + b * capacity * keyStride * 4 + keyHead;
      for (let t: usize = 0; t < time; t++) {
        const row = (((b * time + t) * heads + head) * headDim) * 4;
        const visible = queryWeights(q + row, pastKeys, keys, scratch, pastLength, t, iterations, keyStride, headDim, scale);
        for (let i: usize = 0; i < pastLength; i++) {
          addScaled(y + row, pastValues + i * keyStride * 4, load<f32>(scratch + i * 4), headDim);
        }
        for (let i: usize = 0; i < visible; i++) {
          const value = values + visibleColumn(i, visible, t, iterations) * keyStride * 4;
          addScaled(y + row, value, load<f32>(scratch + (pastLength + i) * 4), headDim);
        }
      }
    }
  }
}

export function causalAttentionGradient(
  dy: usize,
  q: usize,
  k: usize,
  v: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  batch: usize,
  time: usize,
  heads: usize,
  keyValueHeads: usize,
  headDim: usize,
  iterations: usize,
  scale: f32,
  scratch: usize,
): void {
  const group = heads / keyValueHeads;
  const keyStride = keyValueHeads * headDim;
  const gradients = scratch + (time + 4) * 4;
  memory.fill(dq, 0, batch * time * heads * headDim * 4);
  memory.fill(dk, 0, batch * time * keyStride * 4);
  memory.fill(dv, 0, batch * time * keyStride * 4);
  for (let b: usize = 0; b < batch; b++) {
    for (let head: usize = 0; head < heads; head++) {
      const keyHead = (b * time * keyStride + (head / group) * headDim) * 4;
      for (let t: usize = 0; t < time; t++) {
        const row = (((b * time + t) * heads + head) * headDim) * 4;
        const visible = queryWeights(q + row, 0, k + keyHead, scratch, 0, t, iterations, keyStride, headDim, scale);
        let along: f32 = 0;
        for (let i: usize = 0; i < visible; i++) {
          const at = keyHead + visibleColumn(i, visible, t, iterations) * keyStride * 4;
          const weight = load<f32>(scratch + i * 4);
          const gradient = dot(dy + row, v + at, headDim);
          store<f32>(gradients + i * 4, gradient);
          along += weight * gradient;
          addScaled(dv + at, dy + row, weight, headDim);
        }
        for (let i: usize = 0; i < visible; i++) {
          const at = keyHead + visibleColumn(i, visible, t, iterations) * keyStride * 4;
          const dScore = load<f32>(scratch + i * 4) * (load<f32>(gradients + i * 4) - along) * scale;
          addScaled(dq + row, k + at, dScore, headDim);
          addScaled(dk + at, q + row, dScore, headDim);
        }
      }
    }
  }
}
