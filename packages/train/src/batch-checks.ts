/** Batches on their way to the device: checked here, since a device cannot raise an error. */
import { type ModelConfig, requireKnownTokens } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { type Batch, labelCount } from "./batch.js";

/**
 * @throws SstError `shape-mismatch` for arrays that are not `batchSize · time` long, `context-overflow` for rows longer
 * than the model's context, `unknown-token` for a token or a label outside the vocabulary, `invalid-argument` where
 * nothing is asked for
 */
export function requireBatches(batches: readonly Batch[], config: ModelConfig): void {
  for (const batch of batches) requireBatch(batch, config);
  if (batches.some((batch) => labelCount(batch) > 0)) return;
  throw new SstError("invalid-argument", "the batches of this step ask for no answer: at least one label has to count");
}

function requireBatch(batch: Batch, config: ModelConfig): void {
  const { batchSize, time, tokens, labels, documentStarts = tokens } = batch;
  for (const [name, { length }] of Object.entries({ tokens, labels, "document starts": documentStarts })) {
    if (length === batchSize * time) continue;
    const expected = `${batchSize} rows of ${time}`;
    throw new SstError("shape-mismatch", `a batch of ${expected} has ${batchSize * time} ${name}, but there are ${length}`);
  }
  if (time > config.maxPositionEmbeddings) {
    throw new SstError(
      "context-overflow",
      `the batch's rows of ${time} tokens do not fit the model's context of ${config.maxPositionEmbeddings}: cut them`,
    );
  }
  requireKnownTokens(tokens, config);
  const index = labels.findIndex((label) => label >= config.vocabSize);
  if (index < 0) return;
  throw new SstError(
    "unknown-token",
    `the label at row ${Math.floor(index / time) + 1}, position ${index % time} is ${labels[index]}, but the model has ` +
      `${config.vocabSize} tokens (0 to ${config.vocabSize - 1}; negative where no answer is asked for)`,
  );
}
