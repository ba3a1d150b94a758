/** What attention kernels are composed of: queries of a head in groups, the mask, and the gradients. */
import {
  matMul,
  mul,
  reshape,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor2d,
  transpose,
  where,
} from "@tensorflow/tfjs-core";

export interface AttentionAttributes {
  readonly scale: number;
  readonly pastLength: number;
  readonly iterations: number;
}

export function wholeGroups({ heads, keyValueHeads }: Readonly<Record<string, number>>): string | undefined {
  if ((heads as number) % (keyValueHeads as number) === 0) return undefined;
  return `${heads} heads do not share ${keyValueHeads} key/value heads evenly`;
}

/** Of `softmax(q·kᵀ · scale + mask) · v`; the attention weights are computed again, not kept. */
export function attentionGradients(
  { dy, q, k, v }: Readonly<Record<"dy" | "q" | "k" | "v", Tensor>>,
  attributes: AttentionAttributes,
): Record<"dq" | "dk" | "dv", Tensor> {
  const queries = groupQueries(q, k);
  const gradient = groupQueries(dy, k);
  const keys = headsFirst(k);
  const weights = attentionWeights(queries, keys, attributes);
  const dWeights = matMul(gradient, headsFirst(v), false, true);
  const dScores = mul(mul(weights, sub(dWeights, sum(mul(dWeights, weights), -1, true))), attributes.scale);
  return {
    dq: ungroupQueries(matMul(dScores, keys), q.shape),
    dk: headsFirst(matMul(dScores, queries, true, false)),
    dv: headsFirst(matMul(weights, gradient, true, false)),
  };
}

/** `[batch, time, heads, headDim]` to `[batch, heads, time, headDim]`, and back. */
export function headsFirst(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1, 3]);
}

/** Queries that share a key head become rows of one matrix: `[batch, keyValueHeads, group · time, headDim]`. */
export function groupQueries(q: Tensor, keys: Tensor): Tensor {
  const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
  const keyValueHeads = keys.shape[2] as number;
  return reshape(headsFirst(q), [batch, keyValueHeads, (heads / keyValueHeads) * time, headDim]);
}

export function ungroupQueries(grouped: Tensor, shape: readonly number[]): Tensor {
  const [batch, time, heads, headDim] = shape as [number, number, number, number];
  return headsFirst(reshape(grouped, [batch, heads, time, headDim]));
}

export function attentionWeights(queries: Tensor, keys: Tensor, attributes: AttentionAttributes): Tensor {
  const [rows, columns] = [queries.shape[2] as number, keys.shape[2] as number];
  const scores = mul(matMul(queries, keys, false, true), attributes.scale);
  // Not some large negative number: where every key that is seen scores -Infinity, that one would win.
  return softmax(where(causalMask(rows, columns, attributes), scores, Number.NEGATIVE_INFINITY));
}

/** Whether a key is seen: `[group · time, pastLength + time]`. */
function causalMask(rows: number, columns: number, { pastLength, iterations }: AttentionAttributes): Tensor {
  const time = columns - pastLength;
  const mask = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const query = row % time;
    for (let column = 0; column < columns; column++) {
      if (isSeen(query, column - pastLength, iterations)) mask[row * columns + column] = 1;
    }
  }
  return tensor2d(mask, [rows, columns], "bool");
}

/** Whether the query in column `query` of a chunk sees the key in column `key`; negative keys are the cache's. */
export function isSeen(query: number, key: number, iterations: number): boolean {
  if (key < 0 || key === query) return true;
  const isKept = key % iterations === iterations - 1;
  return isKept && Math.floor(key / iterations) < Math.floor(query / iterations);
}
