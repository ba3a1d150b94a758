import { tailAttention, tailAttentionGradient } from "../../kernels/tail-attention.js";
import { attentionOracle, entriesOf } from "../attention-oracle.js";
import { type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const tailAttentionOracle: Oracle = (inputs, attributes) => {
  const { scale, window } = attributes as { scale: number; window: number };
  const { q, k, v } = inputs as Record<"q" | "k" | "v", HostArray>;
  const queries = q.shape[1] as number;
  const [, count, heads] = k.shape as [number, number, number, number];
  const sees = (_: number, query: number, key: number) => {
    const distance = count - queries + query - key;
    return distance >= 0 && (window === 0 || distance < window);
  };
  return { y: attentionOracle(q, { k: entriesOf(k), v: entriesOf(v), count, heads, sees }, scale) };
};

const ordinary = { batch: 1, queries: 1, before: 0, keyValueHeads: 1, group: 1, headDim: 2, window: 0 };

export const tailAttentionSuite = kernelSuite({
  kernel: tailAttention,
  gradientKernel: tailAttentionGradient,
  oracle: tailAttentionOracle,
  differentiable: ["q", "k", "v"],
  // A matrix product meets the values of keys that are not seen too, with a weight of 0.
  spreads: ["v"],
  ranges: {
    batch: [1, 3],
    queries: [1, 6],
    before: [0, 9],
    keyValueHeads: [1, 3],
    group: [1, 3],
    headDim: [1, 20],
    window: [0, 9],
  },
  picked: [
    { ...ordinary },
    // One query over a sequence: a position that runs again.
    { ...ordinary, batch: 2, before: 18, group: 2, keyValueHeads: 2, headDim: 16 },
    { ...ordinary, batch: 2, queries: 9, group: 2, keyValueHeads: 2, headDim: 6 },
    { ...ordinary, queries: 0, before: 3, headDim: 4 },
    { ...ordinary, before: 700, group: 3, headDim: 16 },
    { ...ordinary, queries: 5, before: 300, headDim: 8 },
    { ...ordinary, queries: 3, before: 33, group: 2, headDim: 64 },
    { ...ordinary, queries: 2, before: 4, headDim: 256 },
    { ...ordinary, batch: 1000, queries: 1, before: 2, group: 3, headDim: 2 },
    { ...ordinary, batch: 2, before: 18, group: 2, keyValueHeads: 2, headDim: 16, window: 1 },
    { ...ordinary, queries: 5, before: 300, group: 2, headDim: 8, window: 37 },
    { ...ordinary, queries: 5, before: 30, headDim: 8, window: 3 },
    { ...ordinary, queries: 2, before: 9, headDim: 8, window: 1_000_000 },
  ],
  build: ({ batch, queries, before, keyValueHeads, group, headDim, window }, random) => {
    const keys = () => normals(random, [batch, before + queries, keyValueHeads, headDim]);
    return {
      inputs: { q: normals(random, [batch, queries, group * keyValueHeads, headDim]), k: keys(), v: keys() },
      attributes: { scale: 1 / Math.sqrt(headDim), window },
    };
  },
  extremes: (random) => {
    const q = normals(random, [1, 3, 2, 4]);
    const inputs = { q, k: normals(random, [1, 20, 2, 4]), v: normals(random, [1, 20, 2, 4]) };
    const attributes = { scale: 0.5, window: 0 };
    return {
      "scores whose exponentials overflow": { inputs: { ...inputs, q: scaled(q, 50) }, attributes },
      "scores that are all the same": { inputs: { ...inputs, q: zeros([1, 3, 2, 4]) }, attributes },
    };
  },
});
