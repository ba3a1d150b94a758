import { documentAttention, documentAttentionGradient } from "../../kernels/document-attention.js";
import type { Random } from "../../random.js";
import { attentionOracle, entriesOf } from "../attention-oracle.js";
import { at, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

/** Written from the definition: documents, positions, iterations and a window. */
function sees(query: number, key: number, start: number, iterations: number, window: number): boolean {
  if (key === query) return true;
  const [position, keyPosition] = [Math.floor(query / iterations), Math.floor(key / iterations)];
  if (window > 0 && position - keyPosition >= window) return false;
  return keyPosition < position && key % iterations === iterations - 1 && key >= start;
}

export const documentAttentionOracle: Oracle = (inputs, attributes) => {
  const { scale, iterations, window } = attributes as Readonly<Record<"scale" | "iterations" | "window", number>>;
  const { q, k, v, starts } = inputs as Record<"q" | "k" | "v" | "starts", HostArray>;
  const [, count, heads] = k.shape as [number, number, number, number];
  const keys = {
    k: entriesOf(k),
    v: entriesOf(v),
    count,
    heads,
    sees: (b: number, query: number, key: number) =>
      sees(query, key, at(starts, b * count + query), iterations, window),
  };
  return { y: attentionOracle(q, keys, scale) };
};

/** Rows of documents of random lengths; the starts of all columns. */
function documents(random: Random, batch: number, positions: number, iterations: number, longest: number): HostArray {
  const time = positions * iterations;
  const starts = zeros([batch, time]);
  for (let b = 0; b < batch; b++) {
    let start = 0;
    let left = 1 + random.integer(longest);
    for (let position = 0; position < positions; position++, left--) {
      if (left === 0) {
        start = position;
        left = 1 + random.integer(longest);
      }
      for (let i = 0; i < iterations; i++) starts.data[b * time + position * iterations + i] = start * iterations;
    }
  }
  return starts;
}

const ordinary = {
  batch: 1,
  positions: 1,
  iterations: 1,
  keyValueHeads: 1,
  group: 1,
  headDim: 2,
  longest: 4,
  window: 0,
};

export const documentAttentionSuite = kernelSuite({
  kernel: documentAttention,
  gradientKernel: documentAttentionGradient,
  oracle: documentAttentionOracle,
  differentiable: ["q", "k", "v"],
  // A matrix product meets the values of keys that are not seen too, with a weight of 0.
  spreads: ["v"],
  ranges: {
    batch: [1, 3],
    positions: [1, 14],
    iterations: [1, 3],
    keyValueHeads: [1, 3],
    group: [1, 3],
    headDim: [1, 20],
    longest: [1, 14],
    window: [0, 8],
  },
  picked: [
    { ...ordinary },
    { ...ordinary, batch: 2, positions: 9, group: 2, keyValueHeads: 2, headDim: 6 },
    { ...ordinary, positions: 9, headDim: 4, longest: 1 },
    { ...ordinary, positions: 40, headDim: 4, longest: 1000 },
    { ...ordinary, batch: 2, positions: 7, iterations: 3, headDim: 5 },
    { ...ordinary, positions: 0, headDim: 4 },
    { ...ordinary, positions: 150, group: 2, headDim: 16, longest: 60 },
    { ...ordinary, positions: 12, headDim: 256 },
    { ...ordinary, batch: 2, positions: 150, group: 2, headDim: 16, longest: 60, window: 21 },
    { ...ordinary, positions: 97, headDim: 4, longest: 50, window: 32 },
    { ...ordinary, positions: 20, headDim: 4, longest: 9, window: 1 },
    { ...ordinary, batch: 2, positions: 20, iterations: 2, headDim: 5, longest: 9, window: 4 },
  ],
  build: ({ batch, positions, iterations, keyValueHeads, group, headDim, longest, window }, random) => {
    const time = positions * iterations;
    const keys = () => normals(random, [batch, time, keyValueHeads, headDim]);
    return {
      inputs: {
        q: normals(random, [batch, time, group * keyValueHeads, headDim]),
        k: keys(),
        v: keys(),
        starts: documents(random, batch, positions, iterations, longest),
      },
      attributes: { scale: 1 / Math.sqrt(headDim), iterations, window },
    };
  },
  extremes: (random) => {
    const [q, k, v] = Array.from({ length: 3 }, () => normals(random, [1, 20, 2, 4]));
    const inputs = { q, k, v, starts: documents(random, 1, 20, 1, 8) } as Record<"q" | "k" | "v" | "starts", HostArray>;
    const attributes = { scale: 0.5, iterations: 1, window: 0 };
    return {
      "scores whose exponentials overflow": { inputs: { ...inputs, q: scaled(inputs.q, 50) }, attributes },
      "scores that are all the same": { inputs: { ...inputs, q: zeros([1, 20, 2, 4]) }, attributes },
    };
  },
});
