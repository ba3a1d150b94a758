/** What is measured of a trained model: accuracy by length and by iterations, and the learned alphas. */
import { labelAccuracy, lastAnswerByIterations } from "@sst/eval";
import type { DecoderModel } from "@sst/layers";
import { type Task, taskBatch } from "@sst/loaders";
import { testBatches } from "./batches.js";
import { maximumIterations } from "./experiments.js";
import type { AccuracyAtLength, RunResult } from "./results.js";
import { evaluatedSequences } from "./sizes.js";

export async function evaluateRun(
  model: DecoderModel,
  task: Task,
  seed: number,
  trainedLength: number,
): Promise<Pick<RunResult, "accuracy" | "accuracyByIterations" | "alphas">> {
  const accuracy: Record<string, AccuracyAtLength> = {};
  for (const length of [trainedLength, 2 * trainedLength, 4 * trainedLength]) {
    const { last, all, byPosition } = await labelAccuracy(model, testBatches(task, seed, length));
    accuracy[length] = { last, all, byPosition };
  }
  if (model.config.stateStream === undefined) return { accuracy };
  const batch = taskBatch(task, {
    seed,
    split: "test",
    index: 0,
    batchSize: evaluatedSequences,
    length: trainedLength,
  });
  const byIterations = await lastAnswerByIterations(model, batch, maximumIterations);
  return {
    accuracy,
    accuracyByIterations: Object.fromEntries(byIterations.map((value, index) => [index + 1, value])),
    alphas: await alphasOf(model),
  };
}

async function alphasOf(model: DecoderModel): Promise<number[][]> {
  const weights = model.weights();
  const alphas = await Promise.all(
    weights.layers.flatMap(({ alpha }) =>
      alpha ? [alpha.data().then((values) => Array.from(values as Float32Array))] : [],
    ),
  );
  weights.dispose();
  return alphas;
}
