import { softmaxCrossEntropy, softmaxCrossEntropyGradient } from "../../kernels/softmax-cross-entropy.js";
import { at, type HostArray, integers, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const softmaxCrossEntropyOracle: Oracle<object> = (inputs) => {
  const { logits, labels } = inputs as { logits: HostArray; labels: HostArray };
  const vocabulary = logits.shape[2] as number;
  const loss = zeros(labels.shape);
  for (let row = 0; row < labels.data.length; row++) {
    const label = at(labels, row);
    if (label < 0) continue;
    const scores = Array.from(logits.data.subarray(row * vocabulary, (row + 1) * vocabulary));
    const largest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    loss.data[row] = largest + Math.log(total) - (scores[label] as number);
  }
  return { loss };
};

export const softmaxCrossEntropySuite: KernelSuite = {
  kernel: softmaxCrossEntropy,
  gradientKernel: softmaxCrossEntropyGradient,
  oracle: softmaxCrossEntropyOracle,
  differentiable: ["logits"],
  cases: (random) =>
    [
      [1, 1, 2],
      [2, 5, 7],
      [3, 4, 130],
    ].map((shape) => {
      const labels = integers(random, shape.slice(0, 2), shape[2] as number);
      // A third of the positions, but never the first one, ask for nothing.
      for (let row = 2; row < labels.data.length; row += 3) labels.data[row] = -1;
      return { title: `logits [${shape}]`, inputs: { logits: normals(random, shape, 4), labels }, attributes: {} };
    }),
};
