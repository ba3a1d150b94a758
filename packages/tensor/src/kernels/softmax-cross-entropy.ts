/** Cross entropy of a softmax against integer labels, per position. */
import {
  cast,
  expandDims,
  greaterEqual,
  logSumExp,
  maximum,
  mul,
  scalar,
  softmax,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { oneHotRows } from "./one-hot-rows.js";

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
    const chosen = sum(mul(logits, labelRows(logits, labels)), -1);
    return { loss: mul(sub(logSumExp(logits, -1), chosen), asked(labels)) };
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
    const surplus = sub(softmax(logits), labelRows(logits, labels));
    return { dLogits: mul(surplus, expandDims(mul(dLoss, asked(labels)), -1)) };
  },
});

function labelRows(logits: Tensor, labels: Tensor): Tensor {
  const vocabulary = logits.shape.at(-1) as number;
  return oneHotRows(maximum(labels, scalar(0, "int32")), vocabulary);
}

/** 1 where an answer is asked for, 0 elsewhere. */
function asked(labels: Tensor): Tensor {
  return cast(greaterEqual(labels, scalar(0, "int32")), "float32");
}
