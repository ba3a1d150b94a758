/**
 * Which ways of training depth work: recipes for the small k-hop task that ask for stages or for final answers only, each over
 * some seeds. `node dist/think-longer/search.js <results.jsonl> [--seeds 3] [--only name…]` adds a line for each run and skips those that
 * are there already.
 */
import "@sst/backend-cpu";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ready } from "@sst/tensor";
import { Command } from "commander";
import { type ThinkRecipe, type ThinkVariant, thinkRecipes } from "./recipes.js";
import type { ThinkResult } from "./result.js";
import { runThinkJob } from "./run.js";

const [small] = thinkRecipes.small as [ThinkRecipe];
const atOnce = [{ from: 0, count: small.hops }];

interface Trial {
  readonly name: string;
  readonly recipe: ThinkRecipe;
  readonly variant?: ThinkVariant;
}

export const trials: readonly Trial[] = [
  { name: "stages, depth grows", recipe: small },
  { name: "stages, full depth at once", recipe: { ...small, iterations: atOnce } },
  { name: "stages, depth grows, as defined", recipe: small, variant: "stream" },
  { name: "answers of the last iteration", recipe: { ...small, asks: "last", iterations: atOnce } },
  { name: "answers of all iterations", recipe: { ...small, asks: "all", iterations: atOnce } },
  { name: "answers of the last, depth grows", recipe: { ...small, asks: "last" } },
  { name: "answers of the last, depth and hops grow", recipe: { ...small, asks: "last", hopsGrow: true } },
  { name: "answers of all, depth and hops grow", recipe: { ...small, asks: "all", hopsGrow: true } },
  {
    name: "answers of the last, depth and hops grow, depth drawn",
    recipe: { ...small, asks: "last", hopsGrow: true, drawsDepth: true },
  },
  {
    name: "answers of the last, depth and hops drawn at once",
    recipe: { ...small, asks: "last", hopsGrow: true, drawsDepth: true, iterations: atOnce },
  },
];

export interface TrialResult {
  readonly trial: string;
  readonly result: ThinkResult;
}

const program = new Command("search").argument("<file>").option("--seeds <count>", "seeds from 0 on", Number, 3);
program.option("--only <names...>", "trials to run").parse();
await search(program.args[0] as string, program.opts<{ seeds: number; only?: readonly string[] }>());

async function search(file: string, { seeds, only }: { seeds: number; only?: readonly string[] }): Promise<void> {
  await ready({ backend: "cpu" });
  const known = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const done = new Set(
    known.filter(Boolean).map((line) => {
      const { trial, result } = JSON.parse(line) as TrialResult;
      return `${trial}/${result.seed}`;
    }),
  );
  const outputFolder = await mkdtemp(join(tmpdir(), "sst-search-"));
  try {
    for (let seed = 0; seed < seeds; seed++) {
      for (const { name, recipe, variant = "recirculation" } of trials) {
        if (done.has(`${name}/${seed}`) || (only && !only.includes(name))) continue;
        const job = { part: "think-longer", recipe, seed, variant } as const;
        const result = await runThinkJob(job, { outputFolder, onStep: () => {} });
        await appendFile(file, `${JSON.stringify({ trial: name, result } satisfies TrialResult)}\n`);
        const depths = result.accuracyByDepth.slice(0, recipe.hops).map((accuracy) => accuracy.toFixed(2));
        process.stdout.write(`${name}, seed ${seed}: ${depths.join(" ")}\n`);
      }
    }
  } finally {
    await rm(outputFolder, { recursive: true });
  }
}
