import { causalAttention, causalAttentionGradient } from "../../kernels/causal-attention.js";
import { attentionOracle, type Entry, entriesOf } from "../attention-oracle.js";
import { at, drawnAhead, type HostArray, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

/** The positions before come first, of each row its own, each in its slot of the cache, then the chunk's. */
function withPast(past: HostArray | undefined, chunk: HostArray, lengths: readonly number[]): Entry {
  const own = entriesOf(chunk);
  if (past === undefined) return own;
  const earlier = entriesOf(past);
  const capacity = past.shape[1] as number;
  return (b, key, head, i) => {
    const length = lengths[b] as number;
    return key < length ? earlier(b, key % capacity, head, i) : own(b, key - length, head, i);
  };
}

/** Whether the query in chunk column `query` sees `key`, written from the definition: positions, iterations and a window. */
function sees(query: number, key: number, pastLength: number, iterations: number, window: number): boolean {
  const position = pastLength + Math.floor(query / iterations);
  const reaches = (keyPosition: number) => window === 0 || position - keyPosition < window;
  if (key < pastLength) return reaches(key);
  const column = key - pastLength;
  const keyPosition = pastLength + Math.floor(column / iterations);
  if (keyPosition < position) return column % iterations === iterations - 1 && reaches(keyPosition);
  return column === query;
}

export const causalAttentionOracle: Oracle = (inputs, attributes) => {
  const { scale, pastLength, iterations, window } = attributes as Readonly<
    Record<"scale" | "pastLength" | "iterations" | "window", number>
  >;
  const { q, k, v, pastK, pastV, ahead } = inputs as Record<"q" | "k" | "v", HostArray> &
    Record<"pastK" | "pastV" | "ahead", HostArray | undefined>;
  const [batch, time, heads] = k.shape as [number, number, number, number];
  const lengths = Array.from({ length: batch }, (_, b) => {
    if (ahead === undefined || pastK === undefined) return pastLength;
    const capacity = pastK.shape[1] as number;
    const holdsWindow = window > 0 && Math.max(window - 1, 1) <= capacity;
    return Math.max(0, Math.min(pastLength + at(ahead, b), holdsWindow ? Number.POSITIVE_INFINITY : capacity));
  });
  const keys = {
    k: withPast(pastK, k, lengths),
    v: withPast(pastV, v, lengths),
    count: Math.max(0, ...lengths) + time,
    heads,
    sees: (b: number, query: number, key: number) =>
      key < (lengths[b] as number) + time && sees(query, key, lengths[b] as number, iterations, window),
  };
  return { y: attentionOracle(q, keys, scale) };
};

const ordinary = {
  batch: 1,
  positions: 1,
  iterations: 1,
  past: 0,
  /** Slots of a ring; 0 for a cache that holds all of the past, and a few more. */
  slots: 0,
  keyValueHeads: 1,
  group: 1,
  headDim: 2,
  window: 0,
  isUneven: 0,
};

export const causalAttentionSuite = kernelSuite({
  kernel: causalAttention,
  gradientKernel: causalAttentionGradient,
  oracle: causalAttentionOracle,
  differentiable: ["q", "k", "v"],
  // A matrix product meets the values of keys that are not seen too, with a weight of 0.
  spreads: ["v", "pastV"],
  ranges: {
    batch: [1, 3],
    positions: [1, 11],
    iterations: [1, 3],
    // Half of the cases have no cache: those have a gradient.
    past: [-7, 7],
    slots: [0, 3],
    keyValueHeads: [1, 3],
    group: [1, 3],
    headDim: [1, 20],
    window: [0, 12],
    isUneven: [0, 1],
  },
  picked: [
    { ...ordinary },
    { ...ordinary, batch: 2, positions: 9, group: 2, keyValueHeads: 2, headDim: 6 },
    { ...ordinary, batch: 2, positions: 3, iterations: 3, headDim: 5 },
    { ...ordinary, positions: 0, past: 3, headDim: 4 },
    // One query against a cache: a decoded token.
    { ...ordinary, batch: 2, past: 5, group: 2, keyValueHeads: 2, headDim: 4 },
    { ...ordinary, past: 700, group: 3, headDim: 16 },
    { ...ordinary, past: 150, keyValueHeads: 3, group: 2, headDim: 20 },
    { ...ordinary, past: 33, iterations: 2, group: 2, headDim: 64 },
    { ...ordinary, positions: 3, past: 300, headDim: 8 },
    { ...ordinary, positions: 150, group: 2, headDim: 16 },
    { ...ordinary, positions: 5, headDim: 256 },
    { ...ordinary, batch: 1000, positions: 2, group: 3, headDim: 2 },
    // A window of itself only, one that ends within a block of keys and one that ends with it, and one that is never full.
    { ...ordinary, batch: 2, positions: 40, group: 2, keyValueHeads: 2, headDim: 6, window: 1 },
    { ...ordinary, positions: 150, group: 2, headDim: 16, window: 21 },
    { ...ordinary, positions: 150, headDim: 8, window: 33 },
    { ...ordinary, positions: 97, keyValueHeads: 2, headDim: 4, window: 32 },
    { ...ordinary, positions: 9, headDim: 4, window: 1_000_000 },
    { ...ordinary, positions: 30, iterations: 3, group: 2, headDim: 5, window: 7 },
    { ...ordinary, positions: 6, iterations: 2, headDim: 5, window: 1 },
    { ...ordinary, past: 700, group: 3, headDim: 16, window: 300 },
    { ...ordinary, past: 700, headDim: 16, window: 256 },
    { ...ordinary, batch: 2, past: 5, group: 2, keyValueHeads: 2, headDim: 4, window: 1 },
    { ...ordinary, past: 33, iterations: 2, group: 2, headDim: 64, window: 9 },
    // A cache and a chunk: the window begins in the one for the first queries, in the other for the last.
    { ...ordinary, batch: 2, positions: 70, past: 90, group: 2, keyValueHeads: 2, headDim: 8, window: 35 },
    { ...ordinary, positions: 40, past: 300, headDim: 8, window: 100 },
    { ...ordinary, positions: 20, past: 50, headDim: 8, window: 1 },
    { ...ordinary, positions: 20, iterations: 2, past: 50, group: 2, headDim: 8, window: 30 },
    // A ring that is full to the last slot, has gone one beyond it, begins anew, and has gone around often.
    { ...ordinary, batch: 2, past: 8, slots: 8, group: 2, keyValueHeads: 2, headDim: 4, window: 9 },
    { ...ordinary, batch: 2, past: 9, slots: 8, group: 2, keyValueHeads: 2, headDim: 4, window: 9 },
    { ...ordinary, batch: 2, past: 15, slots: 8, group: 2, keyValueHeads: 2, headDim: 4, window: 9 },
    { ...ordinary, batch: 2, past: 16, slots: 8, group: 2, keyValueHeads: 2, headDim: 4, window: 9 },
    { ...ordinary, batch: 2, past: 10_003, slots: 8, group: 2, keyValueHeads: 2, headDim: 4, window: 9 },
    // Of as many slots as the window, of more, and of one.
    { ...ordinary, batch: 2, past: 21, slots: 9, group: 2, headDim: 20, window: 9 },
    { ...ordinary, batch: 2, past: 21, slots: 13, group: 2, headDim: 5, window: 9 },
    { ...ordinary, past: 5, slots: 1, headDim: 4, window: 1 },
    { ...ordinary, past: 5, slots: 1, headDim: 4, window: 2 },
    // Chunks on a ring: shorter than it, longer, iterating, and both beyond a tile of keys and a block of queries.
    { ...ordinary, batch: 2, positions: 6, past: 20, slots: 8, group: 2, keyValueHeads: 2, headDim: 6, window: 9 },
    { ...ordinary, batch: 2, positions: 6, past: 16, slots: 8, group: 2, headDim: 6, window: 8 },
    { ...ordinary, batch: 2, positions: 23, past: 21, slots: 8, group: 2, headDim: 6, window: 9 },
    { ...ordinary, batch: 2, positions: 23, past: 21, slots: 13, keyValueHeads: 2, headDim: 8, window: 9 },
    { ...ordinary, batch: 2, positions: 5, iterations: 2, past: 21, slots: 8, group: 2, headDim: 6, window: 9 },
    { ...ordinary, iterations: 2, past: 21, slots: 8, headDim: 6, window: 9 },
    { ...ordinary, positions: 70, past: 130, slots: 50, group: 2, keyValueHeads: 2, headDim: 8, window: 40 },
    { ...ordinary, past: 1000, slots: 299, group: 3, headDim: 16, window: 300 },
    { ...ordinary, past: 1100, slots: 700, headDim: 64, window: 600 },
    // Rows of different lengths: decoded tokens, iterations, chunks, within a window and on a ring.
    { ...ordinary, batch: 4, past: 5, group: 2, keyValueHeads: 2, headDim: 4, isUneven: 1 },
    { ...ordinary, batch: 4, past: 300, group: 3, headDim: 16, isUneven: 1 },
    { ...ordinary, batch: 3, past: 33, iterations: 2, group: 2, headDim: 64, isUneven: 1 },
    { ...ordinary, batch: 3, positions: 3, past: 30, group: 2, headDim: 8, isUneven: 1 },
    { ...ordinary, batch: 3, positions: 20, past: 30, group: 2, keyValueHeads: 2, headDim: 8, isUneven: 1 },
    { ...ordinary, batch: 4, past: 300, headDim: 16, window: 40, isUneven: 1 },
    { ...ordinary, batch: 4, past: 20, slots: 8, group: 2, headDim: 4, window: 9, isUneven: 1 },
    { ...ordinary, batch: 4, past: 10_003, slots: 8, headDim: 4, window: 9, isUneven: 1 },
    { ...ordinary, batch: 3, positions: 9, past: 20, slots: 8, headDim: 4, window: 9, isUneven: 1 },
  ],
  build: (sizes, random) => {
    const { batch, positions, iterations, past: drawn, slots, keyValueHeads, group, headDim, window, isUneven } = sizes;
    const past = Math.max(0, drawn);
    const time = positions * iterations;
    const keys = () => normals(random, [batch, time, keyValueHeads, headDim]);
    // What is drawn may be too small for the window.
    const capacity = window > 0 && slots > 0 ? Math.max(slots, window - 1) : past + 3;
    const cache = () => normals(random, [batch, capacity, keyValueHeads, headDim]);
    return {
      inputs: {
        q: normals(random, [batch, time, group * keyValueHeads, headDim]),
        k: keys(),
        v: keys(),
        ...(past > 0 && { pastK: cache(), pastV: cache() }),
        ...(past > 0 && isUneven > 0 && { ahead: drawnAhead(random, batch, past) }),
      },
      attributes: { scale: 1 / Math.sqrt(headDim), pastLength: past, iterations, window },
    };
  },
  extremes: (random) => {
    const [q, k, v] = Array.from({ length: 3 }, () => normals(random, [1, 20, 2, 4]));
    const inputs = { q, k, v } as Record<"q" | "k" | "v", HostArray>;
    const attributes = { scale: 0.5, pastLength: 0, iterations: 1, window: 0 };
    const column = () => normals(random, [2, 1, 2, 4]);
    const cache = () => {
      const past = normals(random, [2, 3, 2, 4]);
      // The second row holds one position; behind it lies what another text has left.
      return { shape: past.shape, data: past.data.map((value, index) => (index >= 32 ? Number.NaN : value)) };
    };
    return {
      "slots that hold nothing of a row, with NaN in them": {
        inputs: {
          ...{ q: column(), k: column(), v: column(), pastK: cache(), pastV: cache() },
          ahead: { shape: [2], data: Float64Array.of(3, 1) },
        },
        attributes,
      },
      "scores whose exponentials overflow": { inputs: { ...inputs, q: scaled(inputs.q, 50) }, attributes },
      "scores whose exponentials overflow, within a window": {
        inputs: { ...inputs, q: scaled(inputs.q, 50) },
        attributes: { ...attributes, window: 5 },
      },
      "scores that are all the same": { inputs: { ...inputs, q: zeros([1, 20, 2, 4]) }, attributes },
    };
  },
});
