/**
 * The paper's controlled experiment: adapters and the state stream on a frozen backbone, and beside it the same backbone,
 * adapters, data, steps and seeds without the stream.
 */
import { mkdir, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { writeWhole } from "@sst/report";
import { SstError } from "@sst/tensor";
import { Command, InvalidArgumentError } from "commander";
import { describeGenerated, describeReal } from "./describe.js";
import { defaultSettings, type Job } from "./jobs.js";
import { renderReport } from "./report/page.js";
import type { Results } from "./results.js";
import type { Progress } from "./run-context.js";
import { runSeeds } from "./seeds.js";
import { summaryTable } from "./summary-table.js";

interface Options {
  readonly seeds: number;
  readonly out: string;
  readonly model?: string;
  readonly data?: string;
  readonly steps?: number;
  readonly questions?: number;
  readonly length: number;
  readonly batchSize: number;
  readonly rank: number;
  readonly learningRate: number;
  readonly maxNewTokens: number;
}

const defaultFolder = resolve(import.meta.dirname, "../../../reports/gsm8k-cotrain");

const program = new Command("gsm8k-cotrain")
  .description(
    "Co-train the state stream into a pretrained backbone, with its matched baseline: by default a backbone that is " +
      "pretrained here on generated word problems, or one of yours on GSM8K (--model and --data)",
  )
  .option("--seeds <count>", "how many seeds to run, from 0 on", count, 3)
  .option("--out <folder>", "where report, verdicts and models go", defaultFolder)
  .option("--steps <count>", "steps of co-training", count)
  .option("--questions <count>", "questions of each set", count)
  .option("--model <folder>", "a pretrained model's folder")
  .option("--data <path>", "GSM8K: a folder with train.jsonl and test.jsonl, or one such file")
  .option("--length <tokens>", "with --model: tokens in a row", count, 256)
  .option("--batch-size <rows>", "with --model: rows in a batch", count, 8)
  .option("--rank <number>", "with --model: rank of the adapters on every linear layer", count, 8)
  .option("--learning-rate <number>", "with --model: highest rate of the schedule", rate, 1e-3)
  .option("--max-new-tokens <count>", "with --model: tokens of an answer at most", count, 256)
  .parse();

try {
  await main(program.opts<Options>());
} catch (error) {
  if (!(error instanceof Error)) throw error;
  process.stderr.write(`gsm8k-cotrain: ${error.message}\n`);
  process.exitCode = 1;
}

async function main(options: Options): Promise<void> {
  const startedAt = performance.now();
  const folder = resolve(options.out);
  const jobs = jobsOf(options);
  const job = jobs[0] as Job;
  const experiment = job.kind === "generated" ? describeGenerated(job.settings) : await describeReal(job.settings);
  // An earlier run's verdicts are not continued: they are of other models.
  await rm(join(folder, "verdicts"), { recursive: true, force: true });
  for (const { seed } of jobs) await mkdir(join(folder, "verdicts", `seed-${seed}`), { recursive: true });
  const { runs, device } = await runSeeds(jobs, folder, progressLines());
  const results: Results = { createdAt: new Date().toISOString(), backend: `cpu: ${device}`, experiment, runs };
  await writeWhole(join(folder, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  await writeWhole(join(folder, "index.html"), renderReport(results));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  process.stdout.write(`${summaryTable(results)}\n${seconds} s in all.\n`);
  process.stdout.write(`Report: ${relative(process.cwd(), join(folder, "index.html"))}\n`);
}

function jobsOf({ model, data, seeds, steps, questions, ...given }: Options): Job[] {
  const all = Array.from({ length: seeds }, (_, seed) => seed);
  if (model === undefined && data === undefined) {
    const { coTraining } = defaultSettings;
    const settings = {
      ...defaultSettings,
      coTraining: { ...coTraining, steps: steps ?? coTraining.steps },
      questions: questions ?? defaultSettings.questions,
    };
    return all.map((seed): Job => ({ kind: "generated", seed, settings }));
  }
  if (model === undefined || data === undefined) {
    throw new SstError("contradiction", "--model and --data go together: a backbone, and what it is co-trained on");
  }
  const settings = {
    ...given,
    model: resolve(model),
    data: resolve(data),
    steps: steps ?? 300,
    questions: questions ?? 100,
  };
  return all.map((seed): Job => ({ kind: "real", seed, settings }));
}

/** A line where a seed begins something, now and then within it, and where it is done. */
function progressLines(): (job: Job, progress: Progress | "done") => void {
  const startedAt = performance.now();
  return ({ seed }, progress) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(4);
    const line = (text: string) => process.stderr.write(`${seconds} s  seed ${seed}: ${text}\n`);
    if (progress === "done") line("done");
    else if (progress.step === undefined) line(progress.phase);
    else if (progress.step % 100 === 0) {
      line(`${progress.phase}, step ${progress.step} of ${progress.steps}, loss ${progress.loss?.toFixed(3)}`);
    }
  };
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("it should be a whole number of at least 1");
}

function rate(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("it should be a number above 0");
}
