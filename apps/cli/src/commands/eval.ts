/** `sst eval`: a model on a benchmark at every depth, or the accuracy of a model that labels positions on its task. */
import { SstError } from "@sst/tensor";
import { Command, Option } from "commander";
import {
  number,
  wholeNumber,
  wholeNumbers,
  withCommonOptions,
  withPackingOptions,
  withSolverOptions,
} from "../arguments.js";
import { type BenchmarkRunOptions, runBenchmark } from "../evaluation/benchmark-run.js";
import { benchmarkNames } from "../evaluation/benchmarks.js";
import { type LabelRunOptions, runLabels } from "../evaluation/label-run.js";
import { modelDescription } from "../model-source.js";

type EvalOptions = Partial<BenchmarkRunOptions> & Partial<LabelRunOptions>;

export function evalCommand(): Command {
  const command = new Command("eval")
    .description(
      "Evaluate a model: --benchmark gives accuracy at each depth, beside a baseline; --task alone the accuracy at every " +
        "position of fresh sequences",
    )
    .requiredOption("--model <model>", modelDescription)
    .addOption(new Option("--benchmark <name>", "what to answer").choices(benchmarkNames))
    .option("--task <name>", "parity, sumN (such as sum5), chain, rooms, s3 or s5")
    .option("--data <path>", "GSM8K's folder or file, GPQA's CSV file, or a text for its perplexity")
    .option("--baseline <model>", "the matched baseline, evaluated beside the model")
    .option("--depths <list>", "iterations at each generated position, each a row (default: 1,2,3,4)", wholeNumbers)
    .option(
      "--probe [threshold]",
      "one more row: the probe that lies beside the model (sst probe train) goes to the largest of the depths where the " +
        "answer survives it with this probability (default: 0.5), else it stays at 1",
      number(0),
    )
    .option("--shots <N>", "solved problems before each question (default: 0)", wholeNumber(0))
    .option("--limit <N>", "only the first N questions", wholeNumber(1))
    .option("--max-new-tokens <N>", "tokens of an answer at most (default: 256)", wholeNumber(1))
    .option("--out <file>", "JSON lines of every prompt, completion and verdict; a baseline's go beside it")
    .option("--resume", "go on with the file at --out")
    .option("--length <N>", "symbols in a sequence of a task", wholeNumber(1), 16)
    .option("--sequences <N>", "how many sequences of a task", wholeNumber(1), 1000)
    .option("--seed <N>", "seed of sequences, solved problems and the order of choices", wholeNumber(0), 0)
    .option("--iterations <N>", "with --task alone: iterations at every position (default: 1)", wholeNumber(1))
    .option("--stream-off", "run the plain backbone");
  return withCommonOptions(withSolverOptions(withPackingOptions(command))).action(run);
}

async function run(options: EvalOptions): Promise<void> {
  if (options.benchmark !== undefined) {
    refuse(options, ["iterations", "solver", "sweeps", "propagation"], "with --benchmark: use --depths");
    await runBenchmark(options as BenchmarkRunOptions);
    return;
  }
  if (options.task === undefined) {
    throw new SstError("invalid-argument", `say what to evaluate: --benchmark ${benchmarkNames.join(", ")}, or --task`);
  }
  const ofBenchmarks = [
    "data",
    "baseline",
    "depths",
    "probe",
    "shots",
    "limit",
    "maxNewTokens",
    "out",
    "resume",
  ] as const;
  refuse(options, ofBenchmarks, "without --benchmark; for a task there is --benchmark task");
  await runLabels(options as LabelRunOptions);
}

/** @throws SstError `contradiction` for an option that was given and does not apply */
function refuse(options: EvalOptions, names: readonly (keyof EvalOptions)[], why: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new SstError("contradiction", `--${flag} does not apply ${why}`);
}
