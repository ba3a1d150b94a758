/** Attention of a sequence's last positions over all of it, and its gradient, one query at a time. */
import { addScaled, dot } from "../math";
import { Part } from "../parts";
import { grainOf, parallel, workArea } from "../threads";
import { windowStart } from "./attention";
import { clearRows, scores, weightedSum } from "./by-query";
import { exponentials, scaleRow } from "./softmax";

@unmanaged
export class TailAttention {
  q: usize;
  k: usize;
  v: usize;
  y: usize;
  batch: usize;
  queries: usize;
  time: usize;
  heads: usize;
  keyValueHeads: usize;
  headDim: usize;
  window: usize;
  scale: f32;
}

@unmanaged
export class TailAttentionGradient {
  dy: usize;
  q: usize;
  k: usize;
  v: usize;
  dq: usize;
  dk: usize;
  dv: usize;
  batch: usize;
  queries: usize;
  time: usize;
  heads: usize;
  keyValueHeads: usize;
  headDim: usize;
  window: usize;
  scale: f32;
}

export function tailAttention(a: TailAttention): void {
  parallel(Part.attendTail, changetype<usize>(a), a.batch * a.queries * a.heads, grainOf(a.time * a.headDim));
}

export function tailAttentionGradient(a: TailAttentionGradient): void {
  const grain = grainOf(a.time * a.headDim * a.queries);
  parallel(Part.attendTailBack, changetype<usize>(a), a.batch * a.keyValueHeads, grain);
}

/** Rows are (batch, query, head). */
export function attendTail(a: TailAttention, from: usize, to: usize): void {
  const group = a.heads / a.keyValueHeads;
  const step = a.keyValueHeads * a.headDim * 4;
  const weights = workArea();
  for (let row = from; row < to; row++) {
    const head = row % a.heads;
    const place = (row / a.heads) % a.queries;
    const position = a.time - a.queries + place;
    const hidden = windowStart(position, a.window);
    const first = ((row / (a.heads * a.queries)) * a.time + hidden) * step + (head / group) * a.headDim * 4;
    const seen = position + 1 - hidden;
    const y = a.y + row * a.headDim * 4;
    scores(a.q + row * a.headDim * 4, a.k + first, step, seen, weights, a.headDim);
    const sum = exponentials(weights, seen, a.scale);
    memory.fill(y, 0, a.headDim * 4);
    weightedSum(weights, a.v + first, step, seen, y, a.headDim);
    scaleRow(y, a.headDim, <f32>1 / sum);
  }
}

/** Items are (batch, key head): each adds up the gradients of its own keys and values. */
export function attendTailBack(a: TailAttentionGradient, from: usize, to: usize): void {
  const group = a.heads / a.keyValueHeads;
  const step = a.keyValueHeads * a.headDim * 4;
  const weights = workArea();
  const gradients = weights + a.time * 4;
  for (let item = from; item < to; item++) {
    const b = item / a.keyValueHeads;
    const keyHead = item % a.keyValueHeads;
    const all = b * a.time * step + keyHead * a.headDim * 4;
    clearRows(a.dk + all, step, a.time, a.headDim);
    clearRows(a.dv + all, step, a.time, a.headDim);
    for (let query: usize = 0; query < group * a.queries; query++) {
      const place = query / group;
      const row = ((b * a.queries + place) * a.heads + keyHead * group + (query % group)) * a.headDim * 4;
      const position = a.time - a.queries + place;
      const hidden = windowStart(position, a.window);
      const first = all + hidden * step;
      const seen = position + 1 - hidden;
      scores(a.q + row, a.k + first, step, seen, weights, a.headDim);
      scores(a.dy + row, a.v + first, step, seen, gradients, a.headDim);
      scaleRow(weights, seen, <f32>1 / exponentials(weights, seen, a.scale));
      const along = dot(weights, gradients, seen);
      for (let i: usize = 0; i < seen; i++) {
        const weight = load<f32>(weights + i * 4);
        const dScore = weight * (load<f32>(gradients + i * 4) - along) * a.scale;
        store<f32>(gradients + i * 4, dScore);
        addScaled(a.dv + first + i * step, a.dy + row, weight, a.headDim);
        addScaled(a.dk + first + i * step, a.q + row, dScore, a.headDim);
      }
      memory.fill(a.dq + row, 0, a.headDim * 4);
      weightedSum(gradients, a.k + first, step, seen, a.dq + row, a.headDim);
    }
  }
}
