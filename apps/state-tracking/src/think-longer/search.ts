/**
 * Runs trials, each over some seeds, and adds a line to a file for each run; what is there already is skipped:
 * `node dist/think-longer/search.js ../../docs/experiments/deliberation.jsonl [--seeds 0 1] [--groups small full …]`.
 */
import "@sst/backend-cpu";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ready } from "@sst/tensor";
import { Command } from "commander";
import { runThinkJob } from "./run.js";
import { type Trial, type TrialResult, trials } from "./trials.js";

interface Options {
  readonly seeds: readonly string[];
  readonly groups?: readonly Trial["group"][];
  readonly trials?: readonly string[];
}

const program = new Command("search")
  .argument("<file>", "JSON lines")
  .option("--seeds <numbers...>", "seeds", ["0", "1", "2"])
  .option("--groups <names...>", "small, asking, tokens, full; all by default")
  .option("--trials <names...>", "trials by name; all by default")
  .parse();
await search(program.args[0] as string, program.opts<Options>());

async function search(file: string, { seeds, groups, trials: names }: Options): Promise<void> {
  await ready({ backend: "cpu" });
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  const done = new Set(lines.map((line) => keyOf(JSON.parse(line) as TrialResult)));
  const outputFolder = await mkdtemp(join(tmpdir(), "sst-search-"));
  try {
    for (const seed of seeds.map(Number)) {
      for (const { group, name, recipe, variant } of trials) {
        if (groups?.includes(group) === false || names?.includes(name) === false) continue;
        if (done.has(JSON.stringify([group, name, seed]))) continue;
        const job = { part: "think-longer", recipe, seed, variant } as const;
        const { lossCurve, model, ...result } = await runThinkJob(job, { outputFolder, onStep: () => {} });
        await appendFile(file, `${JSON.stringify({ group, trial: name, result } satisfies TrialResult)}\n`);
        const depths = result.accuracyByDepth.map((accuracy) => accuracy.toFixed(2)).join(" ");
        process.stdout.write(`${group}: ${name}, seed ${seed}: ${depths}\n`);
      }
    }
  } finally {
    await rm(outputFolder, { recursive: true });
  }
}

function keyOf({ group, trial, result }: TrialResult): string {
  return JSON.stringify([group, trial, result.seed]);
}
