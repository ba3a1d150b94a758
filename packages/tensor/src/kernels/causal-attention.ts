/**
 * Causal attention with grouped queries over the chunk's own keys and values and, before them, those of a cache.
 *
 * With `iterations` N > 1 the time axis of the chunk holds N columns for each position, in order (t, 1) … (t, N): the
 * query of (t, i) sees the keys of (u, N) for u < t and its own (`state-stream` section 3, ours). With a `window` W > 0 it
 * sees those of t - u < W: W positions, its own included.
 *
 * The cache is a ring (`ring.ts`): position u lies in slot `u mod capacity`. With `ahead` as many more positions precede row b
 * as `ahead[b]` says: none where that comes out negative, and where it is more than the cache holds of a row, those that it holds.
 */
import { concat, reshape, slice, type Tensor, where, zerosLike } from "@tensorflow/tfjs-core";
import { SstError } from "../errors.js";
import { defineKernel } from "../kernel.js";
import { ahead } from "./ahead.js";
import { attend, attentionGradients, causalMask, chunk, wholeGroups, window } from "./attention-parts.js";
import { maskOfRows } from "./mask-of-rows.js";
import { heldPositions, mostPositions } from "./ring.js";

const scale = { kind: "real" } as const;
const iterations = { kind: "whole", minimum: 1 } as const;

/** `y = softmax(q·kᵀ · scale + mask) · v`; heads is a multiple of keyValueHeads. */
export const causalAttention = defineKernel({
  name: "causalAttention",
  summary: "softmax(q·kᵀ · scale + causal mask) · v with grouped queries, over a cache and the chunk",
  inputs: {
    ...chunk,
    pastK: { shape: ["batch", "capacity", "keyValueHeads", "headDim"], optional: true },
    pastV: { shape: ["batch", "capacity", "keyValueHeads", "headDim"], optional: true },
    ahead,
  },
  outputs: { y: chunk.q },
  attributes: {
    /** Usually 1 / sqrt(headDim). */
    scale,
    /** How many positions precede the chunk: more than the cache holds only where the window reaches no further than that. */
    pastLength: { kind: "whole", minimum: 0, dynamic: true },
    iterations,
    window,
  },
  requires: (sizes, { pastLength, window }) => {
    const capacity = sizes.capacity ?? 0;
    if (pastLength > mostPositions(capacity, window)) {
      const reach = window > 0 ? `, and a window of ${window} reaches further back` : "";
      return `pastLength is ${pastLength}, but the cache holds ${capacity}${reach}`;
    }
    return wholeGroups(sizes);
  },
  tolerance: 1e-5,
  compose: ({ q, k, v, pastK, pastV, ahead }, { scale, pastLength, ...sight }) => {
    if (ahead !== undefined && pastK !== undefined && pastV !== undefined) {
      const most = mostPositions(pastK.shape[1] as number, sight.window);
      const { mask, isHeld } = maskOfRows({ q, k, pastK, ahead }, { ...sight, pastLength, most });
      // A weight of zero does not stop what another text may have left there.
      const held = where(reshape(isHeld, [...isHeld.shape, 1, 1]), pastV, zerosLike(pastV));
      return { y: attend({ q, k: concat([pastK, k], 1), v: concat([held, v], 1) }, scale, mask) };
    }
    const past = pastK === undefined ? [] : heldPositions(pastLength, pastK.shape[1] as number);
    const keys = withPast(pastK, k, past.length);
    const values = withPast(pastV, v, past.length);
    const before = past.map((position) => position - pastLength);
    return { y: attend({ q, k: keys, v: values }, scale, causalMask(q, keys, before, sight)) };
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
  inputs: { dy: chunk.q, ...chunk },
  outputs: { dq: chunk.q, dk: chunk.k, dv: chunk.v },
  attributes: { scale, iterations, window },
  requires: wholeGroups,
  tolerance: 1e-5,
  compose: (inputs, { scale, ...sight }) =>
    attentionGradients(inputs, scale, causalMask(inputs.q, inputs.k, [], sight)),
});

function withPast(past: Tensor | undefined, rows: Tensor, held: number): Tensor {
  if (past === undefined || held === 0) return rows;
  const [batch, , heads, headDim] = past.shape as [number, number, number, number];
  return concat([slice(past, [0, 0, 0, 0], [batch, held, heads, headDim]), rows], 1);
}
