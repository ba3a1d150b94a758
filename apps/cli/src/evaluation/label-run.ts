/** Accuracy at every position, for a model that labels positions. */
import { labelAccuracy } from "@sst/eval";
import { createTask, loadModel, taskBatch } from "@sst/loaders";
import {
  type CommonOptions,
  forwardOptions,
  type PackingOptions,
  packingOf,
  type SolverOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { openSource } from "../model-source.js";
import { requireVocabulary } from "./model.js";

export interface LabelRunOptions extends CommonOptions, PackingOptions, SolverOptions {
  readonly model: string;
  readonly task: string;
  readonly length: number;
  readonly sequences: number;
  readonly seed: number;
  readonly iterations?: number;
  readonly streamOff?: boolean;
}

/** Sequences that go through the model at once. */
const batchSize = 250;

export async function runLabels(options: LabelRunOptions): Promise<void> {
  const known = createTask(options.task);
  await openBackend(options.backend);
  const source = await openSource(options.model);
  using model = await loadModel(source, packingOf(options));
  const task = known.on(await requireVocabulary(source));
  const batches = Array.from({ length: Math.ceil(options.sequences / batchSize) }, (_, index) =>
    taskBatch(task, {
      seed: options.seed,
      split: "test",
      index,
      batchSize: Math.min(batchSize, options.sequences - index * batchSize),
      length: options.length,
    }),
  );
  const accuracy = await labelAccuracy(model, batches, forwardOptions(options));
  const result = { task: task.name, length: options.length, ...accuracy };
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    process.stdout.write(
      `${task.name}, length ${options.length}, ${accuracy.sequences} fresh sequences: accuracy ${accuracy.last.toFixed(4)} ` +
        `(last answer), ${accuracy.all.toFixed(4)} (all answers)\n`,
    );
  }
}
