/** `sst train`: a small model on a state-tracking task, from scratch. */
import { requireWritable } from "@sst/loaders";
import { Trainer } from "@sst/train";
import { Command } from "commander";
import {
  type CommonOptions,
  forwardOptions,
  number,
  wholeNumber,
  withAlphaOptions,
  withCommonOptions,
  withSolverOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { conduct } from "../training/conduct.js";
import { type RunOptions, withRunOptions } from "../training/run-options.js";
import { prepareTask, type TaskTrainingOptions } from "../training/task-training.js";

interface TrainOptions extends CommonOptions, RunOptions, TaskTrainingOptions {
  readonly accumulate: number;
  readonly task: string;
  readonly out?: string;
  readonly steps: number;
  readonly learningRate: number;
}

export function trainCommand(): Command {
  const command = new Command("train")
    .description("Train a model on a state-tracking task from scratch")
    .requiredOption("--task <name>", "parity, sumN (such as sum5), s3 or s5")
    .option("--out <folder>", "where to save the model")
    .option("--overwrite", "replace what is at --out")
    .option("--steps <N>", "optimiser steps", wholeNumber(1), 500)
    .option("--length <N>", "longest sequence; each batch has one length, from a quarter of it on", wholeNumber(2), 16)
    .option("--batch-size <N>", "sequences in a batch", wholeNumber(1), 64)
    .option("--hidden-size <N>", "width, a multiple of 8", wholeNumber(8), 32)
    .option("--layers <N>", "decoder layers", wholeNumber(1), 2)
    .option("--learning-rate <X>", "highest rate of the schedule; theta's is ten times it", number(0), 3e-3)
    .option("--seed <N>", "seed of weights and data", wholeNumber(0), 0)
    .option("--stream-off", "train the plain transformer");
  return withCommonOptions(withRunOptions(withSolverOptions(withAlphaOptions(command)))).action(run);
}

async function run(options: TrainOptions): Promise<void> {
  const { learningRate, out, steps } = options;
  if (out !== undefined) await requireWritable(out, { overwrite: options.overwrite ?? false });
  await openBackend(options.backend);
  const prepared = prepareTask(options.task, options);
  using model = prepared.model;
  using trainer = new Trainer(model, { steps, learningRate, forward: forwardOptions(options) });
  const startedAt = performance.now();
  const saveModel = async () => {
    if (out !== undefined) await prepared.save(out);
  };
  const outcome = await conduct({ ...prepared, trainer, options, out, saveModel });
  if (outcome === undefined) return;
  const seconds = (performance.now() - startedAt) / 1000;
  await saveModel();
  const { figures, words } = await prepared.result();
  if (options.json) {
    const { best, reason, step } = outcome;
    const report = { steps: step, seconds, ended: reason, ...(best && { best }), ...figures, ...(out && { out }) };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  process.stdout.write(`${outcome.step} steps in ${seconds.toFixed(1)} s; ${words}\n`);
  if (out !== undefined) process.stdout.write(`saved to ${out}\n`);
}
