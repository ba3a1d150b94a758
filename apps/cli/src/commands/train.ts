/** `sst train`: a small model on a state-tracking task from scratch, or a model that there is on texts. */
import { requireWritable } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { shortWarmup, Trainer } from "@sst/train";
import { Command, Option } from "commander";
import { type CommonOptions, day, number, wholeNumber, withCommonOptions, withQuantizeOption } from "../arguments.js";
import { openBackend } from "../backend.js";
import { modelDescription } from "../model-source.js";
import { conduct } from "../training/conduct.js";
import type { Prepared } from "../training/prepared.js";
import { type RunOptions, withPatienceOption, withRunOptions } from "../training/run-options.js";
import { trainingForward, withTrainingSolverOptions } from "../training/solver-options.js";
import { withStreamOptions } from "../training/stream-options.js";
import { prepareTask, type TaskTrainingOptions } from "../training/task-training.js";
import { trainedParts, withAdapterOptions } from "../training/text-options.js";
import { prepareText, type TextTrainingOptions } from "../training/text-training.js";

type OneOfThem = Omit<TaskTrainingOptions & TextTrainingOptions, "data" | "length" | "batchSize" | "learningRate">;

interface TrainOptions extends CommonOptions, RunOptions, OneOfThem {
  readonly accumulate: number;
  readonly task?: string;
  readonly model?: string;
  readonly data?: string;
  readonly out?: string;
  readonly steps: number;
  readonly length?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
}

export function trainCommand(): Command {
  const command = new Command("train")
    .description("Train a small model on a state-tracking task from scratch, or a model that there is on texts")
    .option("--task <name>", "from scratch on parity, sumN (such as sum5), s3 or s5")
    .option("--model <where>", `the model to train on --data: ${modelDescription}`)
    .option(
      "--data <path>",
      "GSM8K (a folder with train.jsonl and test.jsonl, or one such file), JSON lines for instruction tuning " +
        "(messages; instruction and output; prompt and completion; text), or plain text (a .txt file, a folder of them)",
    )
    .option("--eval-data <path>", "evaluate on these (default: on the last tenth of --data, held out)")
    .option("--date <day>", "the day that a chat template shows, as 2026-01-31 (default: today)", day)
    .addOption(
      new Option(
        "--train <part>",
        "of --model: all of it, adapters and the stream (theta, recirculation), or the stream alone",
      )
        .choices(trainedParts)
        .default("adapters"),
    )
    .option("--pack", "several texts to a row; attention and stream stop at their borders")
    .option(
      "--answers-only",
      "the loss counts GSM8K's answers, not its questions; in instruction tuning it always does",
    )
    .option("--out <folder>", "where to save the model")
    .option("--overwrite", "replace what is at --out")
    .option("--steps <N>", "optimiser steps", wholeNumber(1), 500)
    .option("--length <N>", "longest sequence of a task (default: 16), tokens in a row of texts (128)", wholeNumber(2))
    .option("--batch-size <N>", "sequences in a batch (default: 64), rows of texts (8)", wholeNumber(1))
    .option("--hidden-size <N>", "width of a model from scratch, a multiple of 8", wholeNumber(8), 32)
    .option("--layers <N>", "decoder layers of a model from scratch", wholeNumber(1), 2)
    .option("--learning-rate <X>", "highest rate of the schedule; theta's is ten times it (default: 3e-3)", number(0))
    .option("--seed <N>", "seed of weights and data", wholeNumber(0), 0);
  const withModelOptions = withQuantizeOption(withAdapterOptions(command));
  const withStream = withTrainingSolverOptions(withStreamOptions(withModelOptions));
  return withCommonOptions(withPatienceOption(withRunOptions(withStream))).action(run);
}

/** @throws SstError `contradiction` where it is neither a task nor a model with its data */
async function prepare(options: TrainOptions): Promise<Prepared> {
  const { batchSize, data, length, model, task } = options;
  if (task !== undefined && model === undefined && data === undefined) {
    const misplaced = (["answersOnly", "date", "evalData", "pack", "quantize"] as const).find((name) => options[name]);
    if (misplaced !== undefined) {
      throw new SstError(
        "contradiction",
        `${misplaced} goes with --model and --data: a task's model starts from scratch`,
      );
    }
    return prepareTask(task, { ...options, length: length ?? 16, batchSize: batchSize ?? 64 });
  }
  if (task === undefined && model !== undefined && data !== undefined) {
    return prepareText(model, { ...options, data, length: length ?? 128, batchSize: batchSize ?? 8 });
  }
  throw new SstError("contradiction", "say what to train: --task for a model from scratch, or --model with --data");
}

async function run(options: TrainOptions): Promise<void> {
  const { learningRate = 3e-3, out, steps } = options;
  if (out !== undefined) await requireWritable(out, { overwrite: options.overwrite ?? false });
  await openBackend(options.backend);
  await using prepared = await prepare(options);
  const forward = trainingForward(options);
  const { model, trainable } = prepared;
  using trainer = new Trainer(model, {
    steps,
    learningRate,
    ...warmUp(options),
    forward,
    ...(trainable && { trainable }),
  });
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

/** Texts are trained in few steps. */
function warmUp({ steps, task }: TrainOptions): { readonly warmupSteps?: number } {
  return task === undefined ? { warmupSteps: shortWarmup(steps) } : {};
}
