/** What attention kernels are composed of: queries of a head in groups, softmax over the keys that a mask lets through. */
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

type Chunk = Readonly<Record<"q" | "k" | "v", Tensor>>;

/** The inputs of attention over a chunk's own keys and values. */
export const chunk = {
  q: { shape: ["batch", "time", "heads", "headDim"] },
  k: { shape: ["batch", "time", "keyValueHeads", "headDim"] },
  v: { shape: ["batch", "time", "keyValueHeads", "headDim"] },
} as const;

/** How many positions a query sees, its own included; 0 for all before it. Hugging Face's `sliding_window`. */
export const window = { kind: "whole", minimum: 0 } as const;

export function wholeGroups({ heads, keyValueHeads }: Readonly<Record<string, number>>): string | undefined {
  if ((heads as number) % (keyValueHeads as number) === 0) return undefined;
  return `${heads} heads do not share ${keyValueHeads} key/value heads evenly`;
}

/**
 * `softmax(q·kᵀ · scale + mask) · v`.
 *
 * @param mask whether a key is seen: it broadcasts to `[batch, keyValueHeads, group · queries, keys]`
 */
export function attend({ q, k, v }: Chunk, scale: number, mask: Tensor): Tensor {
  const weights = attentionWeights(groupQueries(q, k), headsFirst(k), scale, mask);
  return ungroupQueries(matMul(weights, headsFirst(v)), q.shape);
}

/** The gradients of `attend`; the attention weights are computed again, not kept. */
export function attentionGradients(
  { dy, q, k, v }: Chunk & { readonly dy: Tensor },
  scale: number,
  mask: Tensor,
): Record<"dq" | "dk" | "dv", Tensor> {
  const queries = groupQueries(q, k);
  const gradient = groupQueries(dy, k);
  const keys = headsFirst(k);
  const weights = attentionWeights(queries, keys, scale, mask);
  const dWeights = matMul(gradient, headsFirst(v), false, true);
  const dScores = mul(mul(weights, sub(dWeights, sum(mul(dWeights, weights), -1, true))), scale);
  return {
    dq: ungroupQueries(matMul(dScores, keys), q.shape),
    dk: headsFirst(matMul(dScores, queries, true, false)),
    dv: headsFirst(matMul(weights, gradient, true, false)),
  };
}

/** What a mask is made from beside sizes. */
export interface Sight {
  readonly iterations: number;
  readonly window: number;
}

/**
 * The mask of a chunk's queries, `[group · time, keys]`.
 *
 * @param past of the keys before the chunk's the positions, counted back from its first one: -1 and less
 */
export function causalMask(q: Tensor, k: Tensor, past: readonly number[], sight: Sight): Tensor {
  const [, time, heads] = q.shape as [number, number, number, number];
  const [, columns, keyValueHeads] = k.shape as [number, number, number, number];
  const rows = (heads / keyValueHeads) * time;
  const mask = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const query = row % time;
    for (let column = 0; column < columns; column++) {
      if (isSeen(query, past[column] ?? column - past.length, sight)) mask[row * columns + column] = 1;
    }
  }
  return tensor2d(mask, [rows, columns], "bool");
}

/**
 * Whether the query in column `query` of a chunk sees the key in column `key`; negative keys are the cache's, one for each
 * position.
 */
export function isSeen(query: number, key: number, { iterations, window }: Sight): boolean {
  if (key === query) return true;
  const keyPosition = key < 0 ? key : Math.floor(key / iterations);
  const distance = Math.floor(query / iterations) - keyPosition;
  const isKept = key < 0 || key % iterations === iterations - 1;
  return isKept && distance > 0 && (window === 0 || distance < window);
}

function attentionWeights(queries: Tensor, keys: Tensor, scale: number, mask: Tensor): Tensor {
  const scores = mul(matMul(queries, keys, false, true), scale);
  // Not some large negative number: where every key that is seen scores -Infinity, that one would win.
  return softmax(where(mask, scores, Number.NEGATIVE_INFINITY));
}

/** `[batch, time, heads, headDim]` to `[batch, heads, time, headDim]`, and back. */
function headsFirst(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1, 3]);
}

/** Queries that share a key head become rows of one matrix: `[batch, keyValueHeads, group · time, headDim]`. */
function groupQueries(q: Tensor, keys: Tensor): Tensor {
  const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
  const keyValueHeads = keys.shape[2] as number;
  return reshape(headsFirst(q), [batch, keyValueHeads, (heads / keyValueHeads) * time, headDim]);
}

function ungroupQueries(grouped: Tensor, shape: readonly number[]): Tensor {
  const [batch, time, heads, headDim] = shape as [number, number, number, number];
  return headsFirst(reshape(grouped, [batch, heads, time, headDim]));
}
