/** Loss and gradients of a model on batches: what a training step and `sst logits --loss-and-gradients` share. */
import { type DecoderModel, documentTensors, type ForwardOptions, forward, meanCrossEntropy } from "@sst/layers";
import { add, scalar, type Tensor, tensor, valueAndGradients } from "@sst/tensor";
import { type Batch, labelCount } from "./batch.js";

export interface LossAndGradients {
  /** Mean cross entropy over all labels of all batches, a scalar. */
  readonly loss: Tensor;
  /** By parameter name. The caller disposes of them. */
  readonly gradients: Record<string, Tensor>;
  /** As `squaredNorms` of the gradients, where they came together. */
  readonly squares?: Tensor;
}

/** Several batches count as one large one: their gradients are accumulated, weighted by labels. */
export function lossAndGradients(
  model: DecoderModel,
  batches: readonly Batch[],
  parameterNames: readonly string[],
  options: ForwardOptions = {},
): LossAndGradients {
  const parameters = Object.fromEntries(parameterNames.map((name) => [name, model.tensor(name)]));
  return accumulate(batches, (batch) => gradientsOf(model, batch, parameters, options), options);
}

/** A batch on the device. */
export interface BatchTensors {
  /** `[batchSize, time]` int32. */
  readonly tokens: Tensor;
  /** `[batchSize, columns]` int32, one for each column of the logits. */
  readonly labels: Tensor;
  /** How many labels count in the whole step, a scalar. */
  readonly count: Tensor;
  /** As `Documents`, where rows hold several. */
  readonly starts?: Tensor;
  readonly keep?: Tensor;
}

/** Loss and gradients of one batch, on the parameters that the model holds. */
export function gradientsOf(
  model: DecoderModel,
  { tokens, labels, count, starts, keep }: BatchTensors,
  parameters: Readonly<Record<string, Tensor>>,
  options: ForwardOptions,
): LossAndGradients {
  const given = starts && keep ? { ...options, documents: { starts, keep } } : options;
  const { value, gradients } = valueAndGradients(
    () => meanCrossEntropy(forward(model.weights(), tokens, given), labels, count),
    parameters,
  );
  return { loss: value, gradients };
}

/** What a function gives for each batch, added up. */
export function accumulate(
  batches: readonly Batch[],
  run: (batch: BatchTensors) => LossAndGradients,
  { iterations }: ForwardOptions = {},
): LossAndGradients {
  const count = batches.reduce((total, batch) => total + labelCount(batch), 0);
  return batches.map((batch) => onDevice(batch, count, run, iterations)).reduce((left, right) => addUp(left, right));
}

function onDevice(
  { batchSize, time, documentStarts, labelColumns = time, ...batch }: Batch,
  count: number,
  run: (batch: BatchTensors) => LossAndGradients,
  iterations: ForwardOptions["iterations"],
): LossAndGradients {
  const shape = [batchSize, time];
  const documents = documentStarts && documentTensors(documentStarts, batchSize, time, iterations);
  const tensors = {
    tokens: tensor(batch.tokens, shape, "int32"),
    labels: tensor(batch.labels, [batchSize, labelColumns], "int32"),
    count: scalar(count),
    ...documents,
  };
  try {
    return run(tensors);
  } finally {
    for (const each of Object.values(tensors)) each.dispose();
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
