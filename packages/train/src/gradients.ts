/** Loss and gradients of a model on batches: what a training step and `sst logits --loss-and-gradients` share. */
import { type DecoderModel, type ForwardOptions, forward, meanCrossEntropy } from "@sst/layers";
import { add, type Tensor, tensor, valueAndGradients } from "@sst/tensor";
import { type Batch, labelCount } from "./batch.js";

export interface LossAndGradients {
  /** Mean cross entropy over all labels of all batches, a scalar. */
  readonly loss: Tensor;
  /** By parameter name. The caller disposes of them. */
  readonly gradients: Record<string, Tensor>;
}

/** Several batches count as one large one: their gradients are accumulated, weighted by labels. */
export function lossAndGradients(
  model: DecoderModel,
  batches: readonly Batch[],
  parameterNames: readonly string[],
  options: ForwardOptions = {},
): LossAndGradients {
  const count = batches.reduce((total, batch) => total + labelCount(batch), 0);
  return batches
    .map((batch) => batchGradients(model, batch, count, parameterNames, options))
    .reduce((left, right) => addUp(left, right));
}

function batchGradients(
  model: DecoderModel,
  batch: Batch,
  count: number,
  parameterNames: readonly string[],
  options: ForwardOptions,
): LossAndGradients {
  const shape = [batch.batchSize, batch.time];
  const tokens = tensor(batch.tokens, shape, "int32");
  const labels = tensor(batch.labels, shape, "int32");
  const parameters = Object.fromEntries(parameterNames.map((name) => [name, model.tensor(name)]));
  try {
    const { value, gradients } = valueAndGradients(
      () => meanCrossEntropy(forward(model.weights(), tokens, options), labels, count),
      parameters,
    );
    return { loss: value, gradients };
  } finally {
    tokens.dispose();
    labels.dispose();
  }
}

function addUp(left: LossAndGradients, right: LossAndGradients): LossAndGradients {
  const joined = (first: Tensor, second: Tensor) => {
    const total = add(first, second) as Tensor;
    first.dispose();
    second.dispose();
    return total;
  };
  const gradients = Object.entries(left.gradients).map(([name, gradient]) => [
    name,
    joined(gradient, right.gradients[name] as Tensor),
  ]);
  return { loss: joined(left.loss, right.loss), gradients: Object.fromEntries(gradients) };
}
