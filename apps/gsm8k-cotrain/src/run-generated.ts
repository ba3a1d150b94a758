/** One seed on generated problems: pretrain a backbone, co-train the stream and its baseline, measure both. */
import { join } from "node:path";
import { symbolSubject, wordProblemBenchmark } from "@sst/eval";
import { DecoderModel } from "@sst/layers";
import { saveModels, WordProblems } from "@sst/loaders";
import { type GeneratedSettings, testedSentences } from "./jobs.js";
import { alphasOf, type Measured, measureProbe, measureProbed, measureSet } from "./measure.js";
import type { SeedResult } from "./results.js";
import type { RunContext } from "./run-context.js";
import { trainGenerated } from "./train-generated.js";

export async function runGenerated(
  settings: GeneratedSettings,
  seed: number,
  { folder, onProgress }: RunContext,
): Promise<SeedResult> {
  const problems = new WordProblems(settings.stories);
  const { backbone, models, curves } = await trainGenerated(problems, settings, seed, onProgress);
  using stream = models.stream;
  using baseline = models.baseline;
  using plain = DecoderModel.fromData(backbone);
  const modelFolder = join(folder, "models", `seed-${seed}`);
  const { vocabulary } = problems;
  await saveModels(
    modelFolder,
    Object.entries({ stream, baseline, backbone: plain }).map(([name, model]) => ({ name, model, vocabulary })),
    { overwrite: true },
  );
  onProgress({ phase: "evaluation" });
  const subjects = {
    stream: symbolSubject(stream, vocabulary),
    baseline: symbolSubject(baseline, vocabulary),
    backbone: symbolSubject(plain, vocabulary),
  };
  const verdicts = join(folder, "verdicts", `seed-${seed}`);
  const [trained, ...harder] = questionSets(problems, settings, seed) as [Measured, ...Measured[]];
  const first = await measureSet(trained, subjects, verdicts);
  const probe = await measureProbe(subjects.stream, trained.benchmark, first.stream, join(modelFolder, "stream"), seed);
  const sets = [first.set];
  for (const each of harder) {
    const { set } = await measureSet(each, subjects, verdicts);
    const probed = "probe" in probe && (await measureProbed(each, subjects.stream, probe.probe, verdicts));
    sets.push({ ...set, ...(probed && { probed }) });
  }
  const { pretraining } = curves;
  return {
    seed,
    seconds: { pretraining: pretraining.seconds, stream: curves.stream.seconds, baseline: curves.baseline.seconds },
    sets,
    curves: { stream: curves.stream.points, baseline: curves.baseline.points },
    alphas: await alphasOf(stream),
    probe: "missing" in probe ? probe : probe.assessment,
  };
}

function questionSets(problems: WordProblems, settings: GeneratedSettings, seed: number): Measured[] {
  return testedSentences(settings).map((sentences) => {
    const options = { sentences, questions: settings.questions, seed };
    return {
      title: `${sentences} sentences`,
      role: sentences > settings.coTraining.sentences ? "harder" : "trained",
      file: `${sentences}-sentences`,
      benchmark: wordProblemBenchmark(problems, options),
      withSteps: wordProblemBenchmark(problems, { ...options, writtenSteps: true }),
    };
  });
}
