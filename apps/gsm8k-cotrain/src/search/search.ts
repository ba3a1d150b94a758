/**
 * Runs trials, each over some seeds, and adds a line to a file for each run; what is there already is skipped:
 * `node dist/search/search.js ../../docs/experiments/cotrain.jsonl [--seeds 0 1] [--trials "the default" …]`.
 */
import "@sst/backend-cpu";
import { existsSync, readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { evaluate, symbolSubject, wordProblemBenchmark } from "@sst/eval";
import { DecoderModel } from "@sst/layers";
import { WordProblems } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { Command } from "commander";
import { testedSentences } from "../jobs.js";
import { trainGenerated } from "../train-generated.js";
import { type Trial, type TrialResult, trials } from "./trials.js";

interface Options {
  readonly seeds: readonly string[];
  readonly trials?: readonly string[];
}

const program = new Command("search")
  .argument("<file>", "JSON lines")
  .option("--seeds <numbers...>", "seeds", ["0", "1", "2"])
  .option("--trials <names...>", "trials by name; all by default")
  .parse();
await search(program.args[0] as string, program.opts<Options>());

async function search(file: string, { seeds, trials: names }: Options): Promise<void> {
  await ready({ backend: "cpu" });
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  const done = new Set(lines.map((line) => keyOf(JSON.parse(line) as TrialResult)));
  for (const trial of trials) {
    if (names?.includes(trial.name) === false) continue;
    for (const seed of seeds.map(Number)) {
      if (done.has(keyOf({ trial: trial.name, seed }))) continue;
      const result = await run(trial, seed);
      await appendFile(file, `${JSON.stringify(result)}\n`);
      const reached = result.sets.map(({ sentences, stream, baseline }) => `${sentences}: ${stream} ${baseline}`);
      process.stdout.write(`${trial.name}, seed ${seed}: ${reached.join(", ")}\n`);
    }
  }
}

async function run({ name, settings }: Trial, seed: number): Promise<TrialResult> {
  const problems = new WordProblems(settings.stories);
  const { vocabulary, chance } = problems;
  const { backbone, models, curves } = await trainGenerated(problems, settings, seed, () => {});
  using stream = models.stream;
  using baseline = models.baseline;
  using plain = DecoderModel.fromData(backbone);
  const sets = [];
  for (const sentences of testedSentences(settings)) {
    const asked = wordProblemBenchmark(problems, { sentences, questions: settings.questions, seed });
    const accuracy = async (model: DecoderModel) => {
      const { depths } = await evaluate(symbolSubject(model, vocabulary), asked, { depths: [1] });
      return depths[0]?.accuracy ?? Number.NaN;
    };
    sets.push({
      sentences,
      stream: await accuracy(stream),
      baseline: await accuracy(baseline),
      backbone: await accuracy(plain),
    });
  }
  return { trial: name, seed, chance, sets, seconds: Math.round(curves.stream.seconds + curves.baseline.seconds) };
}

function keyOf({ trial, seed }: Pick<TrialResult, "trial" | "seed">): string {
  return JSON.stringify([trial, seed]);
}
