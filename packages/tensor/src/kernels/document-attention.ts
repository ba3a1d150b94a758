/**
 * Causal attention among documents that share a row: a query sees the keys of its own document and no others. Without a
 * cache; iterations widen the time axis and a window bounds what is seen as in `causalAttention`.
 */
import {
  greaterEqual,
  logicalAnd,
  logicalOr,
  range,
  reshape,
  type Tensor,
  tensor2d,
  tile,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { attend, attentionGradients, chunk, isSeen, type Sight, wholeGroups, window } from "./attention-parts.js";

/** The column at which each column's document begins: earlier keys are not seen. */
const starts = { shape: ["batch", "time"], dtype: "int32" } as const;

const attributes = {
  /** Usually 1 / sqrt(headDim). */
  scale: { kind: "real" },
  iterations: { kind: "whole", minimum: 1 },
  window,
} as const;

/** `y = softmax(q·kᵀ · scale + mask) · v`; heads is a multiple of keyValueHeads. */
export const documentAttention = defineKernel({
  name: "documentAttention",
  summary: "softmax(q·kᵀ · scale + causal mask) · v with grouped queries, each within its own document",
  inputs: { ...chunk, starts },
  outputs: { y: chunk.q },
  attributes,
  requires: wholeGroups,
  tolerance: 1e-5,
  compose: (given, { scale, ...sight }) => ({ y: attend(given, scale, documentMask(given, sight)) }),
  gradient: {
    saves: ["q", "k", "v", "starts"],
    tolerance: 2e-5,
    compute: ({ y }, { q, k, v, starts }, given) => {
      const gradients = documentAttentionGradient({ dy: y, q, k, v, starts }, given);
      return { q: () => gradients.dq, k: () => gradients.dk, v: () => gradients.dv };
    },
  },
});

/** The gradient of `documentAttention`; the attention weights are computed again, not kept. */
export const documentAttentionGradient = defineKernel({
  name: "documentAttentionGradient",
  summary: "the gradient of documentAttention for q, k and v",
  inputs: { dy: chunk.q, ...chunk, starts },
  outputs: { dq: chunk.q, dk: chunk.k, dv: chunk.v },
  attributes,
  requires: wholeGroups,
  tolerance: 1e-5,
  compose: (given, { scale, ...sight }) => attentionGradients(given, scale, documentMask(given, sight)),
});

/** Whether a key is seen: `[batch, 1, group · time, time]`. */
function documentMask({ q, k, starts }: Readonly<Record<"q" | "k" | "starts", Tensor>>, sight: Sight): Tensor {
  const [batch, time, heads] = q.shape as [number, number, number, number];
  const causal = new Uint8Array(time * time);
  const own = new Uint8Array(time * time);
  for (let query = 0; query < time; query++) {
    own[query * time + query] = 1;
    for (let key = 0; key < time; key++) if (isSeen(query, key, sight)) causal[query * time + key] = 1;
  }
  const square = (mask: Uint8Array) => tensor2d(mask, [time, time], "bool");
  const begun = greaterEqual(range(0, time, 1, "int32"), reshape(starts, [batch, time, 1]));
  const seen = logicalOr(logicalAnd(square(causal), begun), square(own));
  return tile(reshape(seen, [batch, 1, time, time]), [1, 1, heads / (k.shape[2] as number), 1]);
}
