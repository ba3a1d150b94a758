import { softmaxCrossEntropy, softmaxCrossEntropyGradient } from "../../kernels/softmax-cross-entropy.js";
import { at, type HostArray, integers, normals, scaled, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const softmaxCrossEntropyOracle: Oracle = (inputs) => {
  const { logits, labels } = inputs as { logits: HostArray; labels: HostArray };
  const vocabulary = logits.shape[2] as number;
  const loss = zeros(labels.shape);
  for (let row = 0; row < labels.data.length; row++) {
    const label = at(labels, row);
    if (label < 0) continue;
    const scores = Array.from(logits.data.subarray(row * vocabulary, (row + 1) * vocabulary));
    const largest = scores.reduce((left, right) => Math.max(left, right));
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    loss.data[row] = largest + Math.log(total) - (scores[label] as number);
  }
  return { loss };
};

export const softmaxCrossEntropySuite = kernelSuite({
  kernel: softmaxCrossEntropy,
  gradientKernel: softmaxCrossEntropyGradient,
  oracle: softmaxCrossEntropyOracle,
  differentiable: ["logits"],
  // A loss is a difference of logits.
  smallestOutput: 1,
  ranges: { batch: [1, 4], time: [1, 9], vocabulary: [1, 200] },
  picked: [
    { batch: 1, time: 1, vocabulary: 1 },
    { batch: 2, time: 5, vocabulary: 7 },
    { batch: 2, time: 0, vocabulary: 7 },
    { batch: 1, time: 3, vocabulary: 50_003 },
    { batch: 70_000, time: 1, vocabulary: 2 },
  ],
  build: ({ batch, time, vocabulary }, random) => {
    const labels = integers(random, [batch, time], vocabulary);
    // A third of the positions, but never the first one, ask for nothing.
    for (let row = 2; row < labels.data.length; row += 3) labels.data[row] = -1;
    return { inputs: { logits: normals(random, [batch, time, vocabulary], 4), labels }, attributes: {} };
  },
  extremes: (random) => {
    const logits = normals(random, [2, 3, 13]);
    const labels = integers(random, [2, 3], 13);
    const masked = scaled(logits, 1);
    // A token that must not be chosen has a logit of minus infinity; here one that no label asks for.
    for (let row = 0; row < 6; row++) {
      masked.data[row * 13 + ((at(labels, row) + 1 + (row % 5)) % 13)] = Number.NEGATIVE_INFINITY;
    }
    return {
      "logits in the ten thousands": { inputs: { logits: scaled(logits, 1e4), labels }, attributes: {} },
      "masked logits": { inputs: { logits: masked, labels }, attributes: {} },
      "nothing asked for": {
        inputs: { logits, labels: { shape: labels.shape, data: labels.data.map(() => -1) } },
        attributes: {},
      },
    };
  },
});
