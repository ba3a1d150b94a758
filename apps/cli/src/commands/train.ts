/** `sst train`: a small model on a state-tracking task, from scratch. */
import { labelAccuracy } from "@sst/eval";
import {
  DecoderModel,
  initializeModel,
  type ModelConfig,
  type StateStreamConfig,
  smallAlphaInitialization,
  smallDecoder,
} from "@sst/layers";
import { createTask, requireWritable, saveModel, type Task, taskBatch } from "@sst/loaders";
import { Random, SstError } from "@sst/tensor";
import { Trainer } from "@sst/train";
import { Command } from "commander";
import {
  alphaBounds,
  type CommonOptions,
  forwardOptions,
  number,
  type SolverOptions,
  wholeNumber,
  withAlphaOptions,
  withCommonOptions,
  withSolverOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { trainingProgress } from "../progress.js";

interface TrainOptions extends CommonOptions, SolverOptions, StateStreamConfig {
  readonly task: string;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly steps: number;
  readonly length: number;
  readonly batchSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly streamOff?: boolean;
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
  return withCommonOptions(withSolverOptions(withAlphaOptions(command))).action(run);
}

async function run(options: TrainOptions): Promise<void> {
  const task = createTask(options.task);
  const config = configOf(options, task.vocabulary.size);
  const forward = forwardOptions(options);
  if (options.out !== undefined) await requireWritable(options.out, { overwrite: options.overwrite ?? false });
  await openBackend(options.backend);
  const start = initializeModel(config, new Random(`weights/${options.seed}`), smallAlphaInitialization);
  using model = DecoderModel.fromData(start);
  using trainer = new Trainer(model, { steps: options.steps, learningRate: options.learningRate, forward });
  const progress = trainingProgress(options.steps);
  const startedAt = performance.now();
  try {
    await trainer.run(
      (step) => [trainingBatch(task, options, step)],
      ({ step, loss, gradientNorm }) => progress.update(step, { loss, gradient: gradientNorm }),
    );
  } finally {
    progress.stop();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (options.out !== undefined) {
    await saveModel(options.out, model, { vocabulary: task.vocabulary, overwrite: options.overwrite ?? false });
  }
  const test = taskBatch(task, { seed: options.seed, split: "test", index: 0, batchSize: 500, length: options.length });
  const { last, all } = await labelAccuracy(model, [test]);
  const result = { task: task.name, steps: options.steps, seconds, length: options.length, accuracy: { last, all } };
  if (options.json)
    process.stdout.write(`${JSON.stringify({ ...result, ...(options.out && { out: options.out }) })}\n`);
  else {
    process.stdout.write(
      `${task.name}: ${options.steps} steps in ${seconds.toFixed(1)} s; accuracy at length ${options.length} on 500 fresh ` +
        `sequences: ${last.toFixed(3)} (last answer), ${all.toFixed(3)} (all)\n`,
    );
    if (options.out !== undefined) process.stdout.write(`saved to ${options.out}\n`);
  }
}

function configOf(options: TrainOptions, vocabSize: number): ModelConfig {
  const { hiddenSize, layers, streamOff } = options;
  if (hiddenSize % 8 !== 0) {
    throw new SstError(
      "invalid-argument",
      `--hidden-size should be a multiple of 8 (four heads of even size), but is ${hiddenSize}`,
    );
  }
  const stateStream = alphaBounds(options);
  return smallDecoder({ hiddenSize, vocabSize, numHiddenLayers: layers, ...(!streamOff && { stateStream }) });
}

function trainingBatch(task: Task, { seed, length, batchSize }: TrainOptions, step: number) {
  const shortest = Math.max(1, Math.floor(length / 4));
  const chosen = shortest + new Random(`length/${seed}/${step}`).integer(length - shortest + 1);
  return taskBatch(task, { seed, split: "train", index: step, batchSize, length: chosen });
}
