/** Attention from its definition, in float64 and plain loops: the scores of what a query sees, softmax, the weighted sum. */
import { at, type HostArray, zeros } from "./host-array.js";

/** One entry of a key or of a value. */
export type Entry = (batch: number, key: number, head: number, i: number) => number;

export interface OracleKeys {
  readonly k: Entry;
  readonly v: Entry;
  readonly count: number;
  readonly heads: number;
  readonly sees: (batch: number, query: number, key: number) => boolean;
}

/** The entries of `[batch, keys, heads, headDim]`. */
export function entriesOf(array: HostArray): Entry {
  const [, rows, heads, headDim] = array.shape as [number, number, number, number];
  return (batch, key, head, i) => at(array, ((batch * rows + key) * heads + head) * headDim + i);
}

/** `softmax(q·kᵀ · scale + mask) · v`, shaped like `q`, `[batch, queries, heads, headDim]`. */
export function attentionOracle(q: HostArray, { k, v, count, heads: keyHeads, sees }: OracleKeys, scale: number) {
  const [batch, queries, heads, headDim] = q.shape as [number, number, number, number];
  const y = zeros(q.shape);
  for (let b = 0; b < batch; b++) {
    for (let query = 0; query < queries; query++) {
      for (let head = 0; head < heads; head++) {
        const keyHead = Math.floor((head * keyHeads) / heads);
        const row = ((b * queries + query) * heads + head) * headDim;
        const scores: [key: number, score: number][] = [];
        for (let key = 0; key < count; key++) {
          if (!sees(b, query, key)) continue;
          let score = 0;
          for (let i = 0; i < headDim; i++) score += at(q, row + i) * k(b, key, keyHead, i);
          scores.push([key, score * scale]);
        }
        const largest = Math.max(...scores.map(([, score]) => score));
        const total = scores.reduce((sum, [, score]) => sum + Math.exp(score - largest), 0);
        for (const [key, score] of scores) {
          const weight = Math.exp(score - largest) / total;
          for (let i = 0; i < headDim; i++) y.data[row + i] = at(y, row + i) + weight * v(b, key, keyHead, i);
        }
      }
    }
  }
  return y;
}
