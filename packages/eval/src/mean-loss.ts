/** Mean loss of a language model, and what it is as perplexity. */
import {
  type DecoderModel,
  documentTensors,
  type ForwardOptions,
  forward,
  meanCrossEntropy,
  tokenTensor,
} from "@sst/layers";
import { tensor } from "@sst/tensor";
import { type LabelledBatch, rowsOf } from "./batches.js";

export interface MeanLoss {
  /** Nats per label. */
  readonly loss: number;
  readonly perplexity: number;
  readonly labels: number;
}

/** Cross entropy over all labels of all batches. */
export async function meanLoss(
  model: DecoderModel,
  batches: Iterable<LabelledBatch>,
  options: ForwardOptions = {},
): Promise<MeanLoss> {
  const weights = model.weights();
  let total = 0;
  let count = 0;
  try {
    for (const batch of batches) {
      const tokens = tokenTensor(rowsOf(batch.tokens, batch), model.config);
      const labels = tensor(batch.labels, [batch.batchSize, batch.time], "int32");
      const { batchSize, documentStarts, time } = batch;
      const documents = documentStarts && documentTensors(documentStarts, batchSize, time, options.iterations);
      const logits = forward(weights, tokens, { ...options, ...(documents && { documents }) });
      const sum = meanCrossEntropy(logits, labels, 1);
      total += ((await sum.data()) as Float32Array)[0] as number;
      count += batch.labels.reduce((asked, label) => asked + (label >= 0 ? 1 : 0), 0);
      for (const each of [tokens, labels, logits, sum, ...Object.values(documents ?? {})]) each.dispose();
    }
  } finally {
    weights.dispose();
  }
  const loss = total / count;
  return { loss, perplexity: Math.exp(loss), labels: count };
}
