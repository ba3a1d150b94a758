/**
 * Causal attention with grouped queries over the chunk's own keys and values and, before them, those of a cache.
 *
 * With `iterations` N > 1 the time axis of the chunk holds N columns for each position, in order (t, 1) … (t, N): the
 * query of (t, i) sees the keys of (u, N) for u < t and its own (`state-stream` section 3, ours).
 */
import {
  concat,
  matMul,
  mul,
  reshape,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor2d,
  transpose,
  where,
} from "@tensorflow/tfjs-core";
import { SstError } from "../errors.js";
import { defineKernel } from "../kernel.js";

const chunk = {
  q: { shape: ["batch", "time", "heads", "headDim"] },
  k: { shape: ["batch", "time", "keyValueHeads", "headDim"] },
  v: { shape: ["batch", "time", "keyValueHeads", "headDim"] },
} as const;

const scale = { kind: "real" } as const;
const iterations = { kind: "whole", minimum: 1 } as const;

export function wholeGroups({ heads, keyValueHeads }: Readonly<Record<string, number>>): string | undefined {
  if ((heads as number) % (keyValueHeads as number) === 0) return undefined;
  return `${heads} heads do not share ${keyValueHeads} key/value heads evenly`;
}

/** `y = softmax(q·kᵀ · scale + mask) · v`; heads is a multiple of keyValueHeads. */
export const causalAttention = defineKernel({
  name: "causalAttention",
  summary: "softmax(q·kᵀ · scale + causal mask) · v with grouped queries, over a cache and the chunk",
  inputs: {
    ...chunk,
    pastK: { shape: ["batch", "capacity", "keyValueHeads", "headDim"], optional: true },
    pastV: { shape: ["batch", "capacity", "keyValueHeads", "headDim"], optional: true },
  },
  outputs: { y: { shape: ["batch", "time", "heads", "headDim"] } },
  attributes: {
    /** Usually 1 / sqrt(headDim). */
    scale,
    /** How many rows of the cache precede the chunk. */
    pastLength: { kind: "whole", minimum: 0, dynamic: true },
    iterations,
  },
  requires: (sizes, { pastLength }) => {
    const capacity = sizes.capacity ?? 0;
    if (pastLength > capacity) return `pastLength is ${pastLength}, but the cache holds ${capacity}`;
    return wholeGroups(sizes);
  },
  tolerance: 1e-5,
  compose: ({ q, k, v, pastK, pastV }, attributes) => {
    const keys = withPast(pastK, k, attributes.pastLength);
    const values = withPast(pastV, v, attributes.pastLength);
    const grouped = groupQueries(q, keys);
    const weights = attentionWeights(grouped, headsFirst(keys), attributes);
    return { y: ungroupQueries(matMul(weights, headsFirst(values)), q.shape) };
  },
  gradient: {
    saves: ["q", "k", "v"],
    tolerance: 2e-5,
    compute: ({ y }, { q, k, v }, { pastLength, ...attributes }) => {
      if (pastLength > 0) {
        throw new SstError(
          "invalid-argument",
          "causalAttention has no gradient over a cache: train on whole sequences",
        );
      }
      const gradients = causalAttentionGradient({ dy: y, q, k, v }, attributes);
      return { q: () => gradients.dq, k: () => gradients.dk, v: () => gradients.dv };
    },
  },
});

/** The gradient of `causalAttention` without a cache; the attention weights are computed again, not kept. */
export const causalAttentionGradient = defineKernel({
  name: "causalAttentionGradient",
  summary: "the gradient of causalAttention for q, k and v",
  inputs: { dy: { shape: ["batch", "time", "heads", "headDim"] }, ...chunk },
  outputs: { dq: chunk.q, dk: chunk.k, dv: chunk.v },
  attributes: { scale, iterations },
  requires: wholeGroups,
  tolerance: 1e-5,
  compose: ({ dy, q, k, v }, attributes) => {
    const queries = groupQueries(q, k);
    const gradient = groupQueries(dy, k);
    const keys = headsFirst(k);
    const weights = attentionWeights(queries, keys, { ...attributes, pastLength: 0 });
    const dWeights = matMul(gradient, headsFirst(v), false, true);
    const dScores = mul(mul(weights, sub(dWeights, sum(mul(dWeights, weights), -1, true))), attributes.scale);
    return {
      dq: ungroupQueries(matMul(dScores, keys), q.shape),
      dk: headsFirst(matMul(dScores, queries, true, false)),
      dv: headsFirst(matMul(weights, gradient, true, false)),
    };
  },
});

interface AttentionAttributes {
  readonly scale: number;
  readonly pastLength: number;
  readonly iterations: number;
}

function withPast(past: Tensor | undefined, rows: Tensor, pastLength: number): Tensor {
  if (past === undefined || pastLength === 0) return rows;
  const [batch, , heads, headDim] = past.shape as [number, number, number, number];
  return concat([slice(past, [0, 0, 0, 0], [batch, pastLength, heads, headDim]), rows], 1);
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

function attentionWeights(queries: Tensor, keys: Tensor, attributes: AttentionAttributes): Tensor {
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
