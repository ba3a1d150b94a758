/**
 * The paper's controlled experiment in miniature: the same transformer, data, seeds and steps, with and without the state
 * stream, on tasks where the answer is known.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { createTask } from "@sst/loaders";
import { Command, InvalidArgumentError } from "commander";
import { evaluatedSequences, jobsFor, scratchRecipes } from "./experiments.js";
import { runJobs } from "./pool.js";
import { createProgress } from "./progress.js";
import { renderReport } from "./report/index.js";
import type { Results, RunResult } from "./results.js";
import { summaryTable } from "./summary-table.js";

const defaultFolder = resolve(import.meta.dirname, "../../../reports/state-tracking");

/** The tasks in the report's order; the co-trained one is among them. */
const tasks = scratchRecipes.map((recipe) => createTask(recipe.task));

const program = new Command("state-tracking")
  .description("Train transformers with and without the state stream on state-tracking tasks, and compare them")
  .option("--seeds <count>", "how many seeds to run, from 0 on", countArgument, 1)
  .option("--out <folder>", "where the report and the models go", defaultFolder)
  .parse();
await main(program.opts<{ seeds: number; out: string }>());

async function main({ seeds, out }: { seeds: number; out: string }): Promise<void> {
  const startedAt = performance.now();
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  const jobs = jobsFor(Array.from({ length: seeds }, (_, seed) => seed));
  const progress = createProgress(jobs.length);
  const { results: runs, device } = await runJobs(jobs, folder, progress).finally(() => progress.stop());
  const results: Results = {
    createdAt: new Date().toISOString(),
    backend: `cpu: ${device}`,
    chance: Object.fromEntries(tasks.map((task) => [task.name, task.chance])),
    evaluatedSequences,
    runs: inOrder(runs),
  };
  await writeWhole(join(folder, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  await writeWhole(join(folder, "index.html"), renderReport(results));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const page = relative(process.cwd(), join(folder, "index.html"));
  process.stdout.write(`${summaryTable(results)}\n`);
  process.stdout.write(
    `Accuracy of the last answer on ${evaluatedSequences} fresh sequences, exact inference. ${seconds} s in all.\n`,
  );
  process.stdout.write(`Report: ${page}\n`);
}

/** Jobs finish in any order; the report has them by part, task and seed, the stream first. */
function inOrder(runs: readonly RunResult[]): RunResult[] {
  const parts = ["scratch", "cotrained"];
  const names = tasks.map((task) => task.name);
  const key = (run: RunResult) => [parts.indexOf(run.part), names.indexOf(run.task), run.seed, run.stream ? 0 : 1];
  return [...runs].sort((left, right) => {
    const [a, b] = [key(left), key(right)];
    const index = a.findIndex((value, position) => value !== b[position]);
    return index < 0 ? 0 : (a[index] as number) - (b[index] as number);
  });
}

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("it should be a whole number of at least 1");
}
