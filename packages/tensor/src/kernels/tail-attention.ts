/**
 * Causal attention of a sequence's last positions over all of it: what `causalAttention` gives them, without the queries
 * before. Its gradient reaches all keys and values, so that positions which run again are trained (`state-stream` section
 * 3) at the cost of their own queries.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { attend, attentionGradients, causalMask, chunk, wholeGroups, window } from "./attention-parts.js";

const tail = { shape: ["batch", "queries", "heads", "headDim"] } as const;
const inputs = { ...chunk, q: tail } as const;

const attributes = {
  /** Usually 1 / sqrt(headDim). */
  scale: { kind: "real" },
  window,
} as const;

function requires(sizes: Readonly<Record<string, number>>): string | undefined {
  const { queries, time } = sizes as { queries: number; time: number };
  if (queries > time) return `there are ${queries} queries, but only ${time} positions`;
  return wholeGroups(sizes);
}

/** `y = softmax(q·kᵀ · scale + mask) · v`: the query in place j of n sees the first time - n + j + 1 keys, or the last `window` of these. */
export const tailAttention = defineKernel({
  name: "tailAttention",
  summary: "softmax(q·kᵀ · scale + causal mask) · v for the queries of the last positions",
  inputs,
  outputs: { y: tail },
  attributes,
  requires,
  tolerance: 1e-5,
  compose: (given, { scale, window }) => ({ y: attend(given, scale, tailMask(given, window)) }),
  gradient: {
    saves: ["q", "k", "v"],
    tolerance: 2e-5,
    compute: ({ y }, { q, k, v }, given) => {
      const gradients = tailAttentionGradient({ dy: y, q, k, v }, given);
      return { q: () => gradients.dq, k: () => gradients.dk, v: () => gradients.dv };
    },
  },
});

/** The gradient of `tailAttention` for q, k and v. */
export const tailAttentionGradient = defineKernel({
  name: "tailAttentionGradient",
  summary: "the gradient of tailAttention for q, k and v",
  inputs: { dy: tail, ...inputs },
  outputs: { dq: tail, dk: inputs.k, dv: inputs.v },
  attributes,
  requires,
  tolerance: 1e-5,
  compose: (given, { scale, window }) => attentionGradients(given, scale, tailMask(given, window)),
});

/** The queries' own positions are a chunk, those before it its past. */
function tailMask({ q, k }: Readonly<Record<"q" | "k", Tensor>>, window: number): Tensor {
  const before = (k.shape[1] as number) - (q.shape[1] as number);
  const past = Array.from({ length: before }, (_, position) => position - before);
  return causalMask(q, k, past, { iterations: 1, window });
}
