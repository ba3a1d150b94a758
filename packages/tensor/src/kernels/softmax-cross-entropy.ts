/** Cross entropy of a softmax against integer labels, per position. */
import {
  cast,
  equal,
  expandDims,
  greaterEqual,
  logSumExp,
  maximum,
  mul,
  range,
  scalar,
  softmax,
  sub,
  sum,
  type Tensor,
  where,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";

const inputs = {
  logits: { shape: ["batch", "time", "vocabulary"] },
  labels: { shape: ["batch", "time"], dtype: "int32" },
} as const;

/** `loss[b, t] = logsumexp(logits[b, t]) - logits[b, t, labels[b, t]]`, in nats; 0 where the label is negative. */
export const softmaxCrossEntropy = defineKernel({
  name: "softmaxCrossEntropy",
  summary: "logsumexp(logits) - logits[label]; 0 where the label is negative",
  inputs,
  outputs: { loss: { shape: ["batch", "time"] } },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ logits, labels }) => {
    // Chosen, not multiplied: a masked logit is minus infinity.
    const chosen = sum(where(labelRows(logits, labels), logits, 0), -1);
    return { loss: where(isAsked(labels), sub(logSumExp(logits, -1), chosen), 0) };
  },
  gradient: {
    saves: ["logits", "labels"],
    tolerance: 2e-5,
    compute: ({ loss }, { logits, labels }) => ({
      logits: () => softmaxCrossEntropyGradient({ dLoss: loss, logits, labels }, {}).dLogits,
    }),
  },
});

/** The gradient of `softmaxCrossEntropy` for the logits. */
export const softmaxCrossEntropyGradient = defineKernel({
  name: "softmaxCrossEntropyGradient",
  summary: "(softmax(logits) - onehot(label)) · dLoss; 0 where the label is negative",
  inputs: { dLoss: { shape: ["batch", "time"] }, ...inputs },
  outputs: { dLogits: inputs.logits },
  attributes: {},
  tolerance: 1e-5,
  compose: ({ dLoss, logits, labels }) => {
    const surplus = sub(softmax(logits), cast(labelRows(logits, labels), "float32"));
    const gradient = mul(surplus, expandDims(dLoss, -1));
    return { dLogits: where(expandDims(isAsked(labels), -1), gradient, 0) };
  },
});

/** Where a position's own label stands, `[batch, time, vocabulary]`; somewhere where there is none. */
function labelRows(logits: Tensor, labels: Tensor): Tensor {
  const vocabulary = logits.shape.at(-1) as number;
  return equal(expandDims(maximum(labels, scalar(0, "int32")), -1), range(0, vocabulary, 1, "int32"));
}

/** Where an answer is asked for. */
function isAsked(labels: Tensor): Tensor {
  return greaterEqual(labels, scalar(0, "int32"));
}
