/**
 * Trains the models of each study, asks them under every policy, and adds a line to a file for each study; what is there already is
 * skipped: `node dist/policies/measure.js ../../docs/experiments/policies.jsonl [--studies k-hop …] [--seeds 0 1 2] [--questions 500]`.
 */
import "@sst/backend-cpu";
import { existsSync, readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { fixed } from "@sst/infer";
import { type DecoderModel, iterationFlops, type ModelConfig } from "@sst/layers";
import { ready } from "@sst/tensor";
import { Command } from "commander";
import { type Answered, ask, fitProbes } from "./ask.js";
import { type PolicyRow, rowOf, type StudyResult } from "./result.js";
import { fixedSettings, type Probes, type Setting, settingsFor } from "./settings.js";
import { type Study, studies } from "./studies.js";

interface Options {
  readonly studies?: readonly string[];
  readonly seeds: readonly string[];
  readonly questions: string;
}

const program = new Command("measure")
  .argument("<file>", "JSON lines")
  .option("--studies <names...>", `${studies.map(({ name }) => name).join(", ")}; all by default`)
  .option("--seeds <numbers...>", "seeds", ["0", "1", "2"])
  .option("--questions <count>", "of each seed, a multiple of 4", "500")
  .parse();
await main(program.args[0] as string, program.opts<Options>());

async function main(file: string, { studies: names, seeds, questions }: Options): Promise<void> {
  await ready({ backend: "cpu" });
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  const done = new Set(lines.map((line) => (JSON.parse(line) as StudyResult).study));
  for (const study of studies) {
    if (names?.includes(study.name) === false || done.has(study.name)) continue;
    const result = await measure(study, seeds.map(Number), Number(questions));
    await appendFile(file, `${JSON.stringify(result)}\n`);
  }
}

async function measure(study: Study, seeds: readonly number[], count: number): Promise<StudyResult> {
  const { name, trainedDepth, chance } = study;
  const measured = new Map<string, { readonly setting: Setting; readonly bySeed: Answered[][] }>();
  const fitted: Probes[] = [];
  let promptFlops = 0;
  for (const seed of seeds) {
    const startedAt = performance.now();
    using model = await study.train(seed);
    const trained = performance.now();
    const questions = study.questions(seed, "test", count);
    promptFlops += readingFlops(model.config, questions) / seeds.length;
    const { settings, probes } = await settingsOf(study, model, seed);
    fitted.push(probes);
    const answered = await ask(
      model,
      questions,
      settings.map(({ policy }) => policy),
    );
    for (const [index, setting] of settings.entries()) {
      const key = JSON.stringify([setting.family, setting.setting, setting.maximum]);
      const known = measured.get(key) ?? { setting, bySeed: [] };
      known.bySeed.push(answered[index] as Answered[]);
      measured.set(key, known);
    }
    const [training, asking] = [trained - startedAt, performance.now() - trained].map((ms) => (ms / 1000).toFixed(0));
    process.stderr.write(`${name}, seed ${seed}: trained in ${training} s, asked in ${asking} s\n`);
  }
  const reference = [...measured.values()].find(({ setting }) => setting.policy.name === fixed(trainedDepth).name);
  if (reference === undefined) throw new Error(`${name} is not measured at its trained depth`);
  // A probe that one of the models does not give is no line of the curve.
  const complete = [...measured.values()].filter(({ bySeed }) => bySeed.length === seeds.length);
  return {
    ...{ study: name, seeds, questions: count, trainedDepth, chance, promptFlops },
    fittedProbes: {
      survival: fitted.filter(({ survival }) => survival !== undefined).length,
      gain: fitted.filter(({ gain }) => gain !== undefined).length,
    },
    rows: complete.map(({ setting, bySeed }): PolicyRow => rowOf(setting, bySeed, reference.bySeed)),
  };
}

/** Fixed depths, and every other policy with each maximum; probes are fitted by what that maximum comes to. */
async function settingsOf(
  { maxima, questions }: Study,
  model: DecoderModel,
  seed: number,
): Promise<{ readonly settings: Setting[]; readonly probes: Probes }> {
  const settings = fixedSettings(Math.max(...maxima));
  const others = questions(seed, "validation", 1000);
  const all: Probes[] = [];
  for (const maximum of maxima) {
    const probes = await fitProbes(model, others, maximum);
    all.push(probes);
    settings.push(...settingsFor(maximum, probes));
  }
  return { settings, probes: all[0] as Probes };
}

/** Of all positions but the last, in the mean. */
function readingFlops(config: ModelConfig, questions: readonly { readonly prompt: readonly number[] }[]): number {
  let total = 0;
  for (const { prompt } of questions) {
    for (let position = 1; position < prompt.length; position++) total += iterationFlops(config, position);
  }
  return total / questions.length;
}
