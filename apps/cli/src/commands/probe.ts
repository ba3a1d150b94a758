/** `sst probe train`: whether the states at the first generated position tell if the answer survives more iterations. */
import { evaluate, probeSamples, trainProbe } from "@sst/eval";
import { folderSource, writeProbe } from "@sst/loaders";
import { Command, Option } from "commander";
import { type CommonOptions, number, wholeNumber, wholeNumbers, withCommonOptions } from "../arguments.js";
import { openBackend } from "../backend.js";
import { type BenchmarkOptions, benchmarkNames, openBenchmark } from "../evaluation/benchmarks.js";
import { openSubject } from "../evaluation/model.js";
import { probeTable } from "../evaluation/probe-report.js";
import { verdictProgress } from "../evaluation/verdict-progress.js";

interface ProbeTrainOptions extends CommonOptions, BenchmarkOptions {
  readonly depths: readonly number[];
  readonly limit?: number;
  readonly folds: number;
  readonly l2: number;
  readonly overwrite?: boolean;
}

export function probeCommand(): Command {
  const train = new Command("train")
    .description("Train a probe on a model's latent states, judge it beside its controls, and save it beside the model")
    .requiredOption("--model <folder>", "a folder of a model with a stream; the probe is written into it")
    .addOption(
      new Option("--benchmark <name>", "where the answers come from")
        .choices(benchmarkNames.filter((name) => name !== "perplexity"))
        .default("task"),
    )
    .option("--task <name>", "parity, sumN (such as sum5), chain, rooms, s3 or s5")
    .option("--data <path>", "GSM8K's folder or file, or GPQA's CSV file")
    .option("--depths <list>", "1, and the depths that an answer has to survive", wholeNumbers, [1, 2, 3, 4])
    .option("--shots <N>", "solved problems before each question (default: 0)", wholeNumber(0))
    .option("--limit <N>", "only the first N questions", wholeNumber(1))
    .option("--max-new-tokens <N>", "tokens of an answer at most (default: 256)", wholeNumber(1))
    .option("--length <N>", "symbols in a sequence of a task", wholeNumber(1), 10)
    .option("--sequences <N>", "how many sequences of a task", wholeNumber(1), 3000)
    .option("--folds <N>", "parts of the cross-validation", wholeNumber(2), 5)
    .option("--l2 <X>", "penalty on the weights of the standardised features", number(0), 10)
    .option("--seed <N>", "seed of sequences, parts and intervals", wholeNumber(0), 0)
    .option("--overwrite", "replace the model's probe");
  return new Command("probe").description("Probes of latent states").addCommand(withCommonOptions(train).action(run));
}

async function run(options: ProbeTrainOptions): Promise<void> {
  // The probe is written beside the model: that has to be a folder.
  const source = await folderSource(options.model);
  using opened = await openBenchmark(options);
  await openBackend(options.backend);
  const subject = await openSubject(source);
  using _ = subject.model;
  const { depths, limit, folds, l2, seed, overwrite = false } = options;
  const progress = verdictProgress();
  const evaluation = await evaluate(subject, opened.benchmark, {
    depths,
    ...(limit !== undefined && { limit }),
    onProgress: progress.update,
  }).finally(progress.stop);
  const samples = await probeSamples(subject, opened.benchmark, evaluation);
  const { probe, assessment } = trainProbe(samples, { folds, l2, seed });
  const accuracyByDepth = Object.fromEntries(depths.map((depth, at) => [depth, evaluation.depths[at]?.accuracy]));
  const { name, settings } = opened.benchmark;
  const report = {
    benchmark: name,
    settings,
    questions: evaluation.questions,
    accuracyByDepth,
    folds,
    l2,
    ...assessment,
  };
  await writeProbe(options.model, probe, report, { overwrite });
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stdout.write(
      `${probeTable(name, assessment)}\nsaved as probe.safetensors and probe.json in ${options.model}\n`,
    );
}
