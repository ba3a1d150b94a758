/** `sst eval`: accuracy of a model that labels positions on a generated task. */
import { labelAccuracy } from "@sst/eval";
import { createTask, loadModel, loadVocabulary, taskBatch } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { Command } from "commander";
import {
  type CommonOptions,
  forwardOptions,
  type QuantizeOption,
  type SolverOptions,
  wholeNumber,
  withCommonOptions,
  withQuantizeOption,
  withSolverOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";

interface EvalOptions extends CommonOptions, QuantizeOption, SolverOptions {
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

export function evalCommand(): Command {
  const command = new Command("eval")
    .description("Measure a model's accuracy on fresh sequences of a state-tracking task")
    .requiredOption("--model <folder>", "a model's folder")
    .requiredOption("--task <name>", "parity, sumN (such as sum5), s3 or s5")
    .option("--length <N>", "symbols in a sequence", wholeNumber(1), 16)
    .option("--sequences <N>", "how many sequences", wholeNumber(1), 1000)
    .option("--seed <N>", "seed of the sequences", wholeNumber(0), 0)
    .option("--iterations <N>", "iterations at every position (default: 1)", wholeNumber(1))
    .option("--stream-off", "run the plain backbone");
  return withCommonOptions(withSolverOptions(withQuantizeOption(command))).action(run);
}

async function run(options: EvalOptions): Promise<void> {
  const known = createTask(options.task);
  await openBackend(options.backend);
  using model = await loadModel(options.model, { quantize: options.quantize });
  const vocabulary = await loadVocabulary(options.model);
  if (vocabulary === undefined) {
    throw new SstError(
      "file-unsupported",
      `${options.model} holds no vocab.json, so it is not a model that labels the symbols of a task`,
    );
  }
  const task = known.on(vocabulary);
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
