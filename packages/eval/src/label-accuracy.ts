/** Accuracy of models that answer at every position (state tracking), by exact inference. */
import { likeliestTokens } from "@sst/infer";
import type { DecoderModel, ForwardOptions } from "@sst/layers";
import { type LabelledBatch, rowsOf } from "./batches.js";
import { accuracyByDepth, readDepths } from "./depths.js";

export interface LabelAccuracy {
  /** Of the answer at the last position. */
  readonly last: number;
  /** Of all answers. */
  readonly all: number;
  /** By position, among those where answers are asked for, from the first on. */
  readonly byPosition: readonly number[];
  readonly sequences: number;
}

/** Accuracy over batches of one length. */
export async function labelAccuracy(
  model: DecoderModel,
  batches: Iterable<LabelledBatch>,
  options: ForwardOptions = {},
): Promise<LabelAccuracy> {
  const weights = model.weights();
  const correct: number[] = [];
  const asked: number[] = [];
  let sequences = 0;
  try {
    for (const batch of batches) {
      const answers = await likeliestTokens(weights, rowsOf(batch.tokens, batch), options);
      sequences += batch.batchSize;
      for (let index = 0; index < answers.length; index++) {
        const label = batch.labels[index] as number;
        if (label < 0) continue;
        const position = index % batch.time;
        asked[position] = (asked[position] ?? 0) + 1;
        correct[position] = (correct[position] ?? 0) + (answers[index] === label ? 1 : 0);
      }
    }
  } finally {
    weights.dispose();
  }
  const positions = Object.keys(asked).map(Number);
  const byPosition = positions.map((position) => (correct[position] as number) / (asked[position] as number));
  const sum = (values: number[]) => positions.reduce((total, position) => total + (values[position] as number), 0);
  return { last: byPosition.at(-1) ?? 0, all: sum(correct) / sum(asked), byPosition, sequences };
}

/**
 * Accuracy of the last answer when only the last position iterates: the sequence before it is read once, the last symbol
 * with 1 … `maximum` iterations. By number of iterations, from 1 on.
 */
export async function lastAnswerByIterations(
  model: DecoderModel,
  batch: LabelledBatch,
  maximum: number,
): Promise<number[]> {
  return accuracyByDepth(await readDepths(model, [batch], maximum));
}
