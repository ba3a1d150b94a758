import {
  type CausalAttentionAttributes,
  causalAttention,
  causalAttentionGradient,
} from "../../kernels/causal-attention.js";
import type { Random } from "../../random.js";
import { at, type HostArray, normals, zeros } from "../host-array.js";
import type { KernelCase, KernelSuite, Oracle } from "../kernel-suite.js";

/** One key or value: the cache's rows come first, then the chunk's. */
function entry(
  past: HostArray | undefined,
  chunk: HostArray,
  b: number,
  key: number,
  head: number,
  i: number,
  pastLength: number,
): number {
  const isPast = key < pastLength;
  const source = (isPast ? past : chunk) as HostArray;
  const row = isPast ? key : key - pastLength;
  const [, rows, heads, headDim] = source.shape as [number, number, number, number];
  return at(source, ((b * rows + row) * heads + head) * headDim + i);
}

/** Whether the query in chunk column `query` sees `key`, written from the definition: positions and iterations. */
function sees(query: number, key: number, pastLength: number, iterations: number): boolean {
  if (key < pastLength) return true;
  const column = key - pastLength;
  const [position, keyPosition] = [Math.floor(query / iterations), Math.floor(column / iterations)];
  const keyIteration = column % iterations;
  if (keyPosition < position) return keyIteration === iterations - 1;
  return column === query;
}

export const causalAttentionOracle: Oracle<CausalAttentionAttributes> = (inputs, { scale, pastLength, iterations }) => {
  const { q, k, v, pastK, pastV } = inputs as Record<"q" | "k" | "v", HostArray> &
    Record<"pastK" | "pastV", HostArray | undefined>;
  const [batch, time, heads, headDim] = q.shape as [number, number, number, number];
  const group = heads / (k.shape[2] as number);
  const y = zeros(q.shape);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      for (let head = 0; head < heads; head++) {
        const keyHead = Math.floor(head / group);
        const row = ((b * time + t) * heads + head) * headDim;
        const scores: [key: number, score: number][] = [];
        for (let key = 0; key < pastLength + time; key++) {
          if (!sees(t, key, pastLength, iterations)) continue;
          let score = 0;
          for (let i = 0; i < headDim; i++) score += at(q, row + i) * entry(pastK, k, b, key, keyHead, i, pastLength);
          scores.push([key, score * scale]);
        }
        const largest = Math.max(...scores.map(([, score]) => score));
        const total = scores.reduce((sum, [, score]) => sum + Math.exp(score - largest), 0);
        for (const [key, score] of scores) {
          const weight = Math.exp(score - largest) / total;
          for (let i = 0; i < headDim; i++) {
            y.data[row + i] = at(y, row + i) + weight * entry(pastV, v, b, key, keyHead, i, pastLength);
          }
        }
      }
    }
  }
  return { y };
};

interface Sizes {
  readonly batch: number;
  readonly time: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly iterations?: number;
  readonly past?: number;
}

function caseOf(random: Random, sizes: Sizes): KernelCase<CausalAttentionAttributes> {
  const { batch, time, heads, keyValueHeads, headDim, iterations = 1, past = 0 } = sizes;
  const keys = () => normals(random, [batch, time, keyValueHeads, headDim]);
  const cache = () => normals(random, [batch, past + 3, keyValueHeads, headDim]);
  return {
    title: JSON.stringify(sizes),
    inputs: {
      q: normals(random, [batch, time, heads, headDim]),
      k: keys(),
      v: keys(),
      ...(past > 0 && { pastK: cache(), pastV: cache() }),
    },
    attributes: { scale: 1 / Math.sqrt(headDim), pastLength: past, iterations },
  };
}

export const causalAttentionSuite: KernelSuite<CausalAttentionAttributes> = {
  kernel: causalAttention,
  gradientKernel: causalAttentionGradient,
  oracle: causalAttentionOracle,
  differentiable: ["q", "k", "v"],
  cases: (random) =>
    [
      { batch: 1, time: 1, heads: 1, keyValueHeads: 1, headDim: 2 },
      { batch: 2, time: 5, heads: 4, keyValueHeads: 2, headDim: 4 },
      { batch: 1, time: 9, heads: 3, keyValueHeads: 1, headDim: 6 },
      { batch: 2, time: 6, heads: 2, keyValueHeads: 2, headDim: 8, iterations: 2 },
      { batch: 1, time: 9, heads: 4, keyValueHeads: 1, headDim: 4, iterations: 3 },
      { batch: 2, time: 1, heads: 4, keyValueHeads: 2, headDim: 4, past: 5 },
      { batch: 1, time: 4, heads: 2, keyValueHeads: 1, headDim: 10, past: 3 },
      { batch: 2, time: 6, heads: 2, keyValueHeads: 1, headDim: 4, past: 2, iterations: 3 },
      { batch: 1, time: 40, heads: 2, keyValueHeads: 1, headDim: 16 },
    ].map((sizes) => caseOf(random, sizes)),
};
