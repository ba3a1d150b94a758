/**
 * The paper's controlled experiment in miniature: the same transformer, data, seeds and steps, with and without the state
 * stream, on tasks where the answer is known.
 */
import { mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { createTask } from "@sst/loaders";
import { writeWhole } from "@sst/report";
import { Command, InvalidArgumentError, Option } from "commander";
import { jobsFor, type Part, parts, scratchRecipes } from "./experiments.js";
import { runJobs } from "./pool.js";
import { createProgress } from "./progress.js";
import { renderReport } from "./report/index.js";
import type { Results, RunResult } from "./results.js";
import { evaluatedSequences } from "./sizes.js";
import { summaryTable, thinkTable } from "./summary-table.js";
import { type ThinkSize, thinkRecipes, thinkVariants } from "./think-longer/recipes.js";
import type { ThinkResult } from "./think-longer/result.js";

interface Options {
  readonly seeds: number;
  readonly out: string;
  readonly parts: readonly Part[];
  readonly thinkLonger: ThinkSize;
}

const defaultFolder = resolve(import.meta.dirname, "../../../reports/state-tracking");

/** The tasks in the report's order; the co-trained one is among them. */
const tasks = scratchRecipes.map((recipe) => createTask(recipe.task));

const program = new Command("state-tracking")
  .description("Train transformers with and without the state stream on state-tracking tasks, and compare them")
  .option("--seeds <count>", "how many seeds to run, from 0 on", countArgument, 1)
  .addOption(new Option("--parts <names...>", "which parts to run").choices(parts).default(parts, "all of them"))
  .addOption(
    new Option(
      "--think-longer <size>",
      "size of the part think-longer: small takes seconds, tokens and full many minutes",
    )
      .choices(Object.keys(thinkRecipes))
      .default("small"),
  )
  .option("--out <folder>", "where the report and the models go", defaultFolder)
  .parse();
await main(program.opts<Options>());

async function main({ seeds, out, parts: wanted, thinkLonger }: Options): Promise<void> {
  const startedAt = performance.now();
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  const seedList = Array.from({ length: seeds }, (_, seed) => seed);
  const jobs = jobsFor(seedList, wanted, thinkRecipes[thinkLonger]);
  const progress = createProgress(jobs.length);
  const { results: all, device } = await runJobs(jobs, folder, progress).finally(() => progress.stop());
  const results: Results = {
    createdAt: new Date().toISOString(),
    backend: `cpu: ${device}`,
    chance: Object.fromEntries(tasks.map((task) => [task.name, task.chance])),
    evaluatedSequences,
    runs: inOrder(all.filter((run) => run.part !== "think-longer")),
    thinking: thinkingInOrder(all.filter((run) => run.part === "think-longer")),
  };
  await writeWhole(join(folder, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  await writeWhole(join(folder, "index.html"), renderReport(results));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const page = relative(process.cwd(), join(folder, "index.html"));
  if (results.runs.length > 0) process.stdout.write(`${summaryTable(results)}\n`);
  if (results.thinking.length > 0) process.stdout.write(`${thinkTable(results)}\n`);
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

function thinkingInOrder(runs: readonly ThinkResult[]): ThinkResult[] {
  const key = (run: ThinkResult) => [run.task, thinkVariants.indexOf(run.variant), run.seed].join("/");
  return [...runs].sort((left, right) => (key(left) < key(right) ? -1 : 1));
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("it should be a whole number of at least 1");
}
