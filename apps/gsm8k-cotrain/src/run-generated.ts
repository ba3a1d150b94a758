/** One seed on generated problems: pretrain a backbone, co-train the stream and its baseline, measure both. */
import { join } from "node:path";
import { symbolSubject, wordProblemBenchmark } from "@sst/eval";
import {
  DecoderModel,
  initializeModel,
  type ModelData,
  paperAlpha,
  smallAlphaInitialization,
  smallDecoder,
} from "@sst/layers";
import { answerBatch, drawWordProblems, saveModels, WordProblems, writtenStepsBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { type Batch, coTrain, defaultLora, Trainer } from "@sst/train";
import type { GeneratedSettings } from "./jobs.js";
import { LossCurve } from "./loss-curve.js";
import { alphasOf, type Measured, measureProbe, measureSet } from "./measure.js";
import type { SeedResult } from "./results.js";
import type { RunContext } from "./run-context.js";

export async function runGenerated(
  settings: GeneratedSettings,
  seed: number,
  { folder, onProgress }: RunContext,
): Promise<SeedResult> {
  const problems = new WordProblems(settings.stories);
  const pretraining = new LossCurve();
  const backbone = await pretrain(problems, settings, seed, pretraining, onProgress);
  const { steps, learningRate, rank } = settings.coTraining;
  const curves = { stream: new LossCurve(), baseline: new LossCurve() };
  const models = await coTrain(backbone, {
    seed,
    stateStream: paperAlpha,
    theta: smallAlphaInitialization.theta,
    lora: { ...defaultLora, rank, alpha: 2 * rank },
    trainer: { steps, learningRate },
    batches: coTrainingBatches(problems, settings, seed),
    onStep: (variant, report) => {
      curves[variant].add(report);
      if (variant === "stream") onProgress({ phase: "co-training", step: report.step, steps, loss: report.loss });
    },
  });
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
  const asked = questionSets(problems, settings, seed);
  const measured = [];
  for (const each of asked) measured.push(await measureSet(each, subjects, join(folder, "verdicts", `seed-${seed}`)));
  const [first] = measured;
  return {
    seed,
    seconds: { pretraining: pretraining.seconds, stream: curves.stream.seconds, baseline: curves.baseline.seconds },
    sets: measured.map(({ set }) => set),
    curves: { stream: curves.stream.points, baseline: curves.baseline.points },
    alphas: await alphasOf(stream),
    probe:
      first && asked[0]
        ? await measureProbe(subjects.stream, asked[0].benchmark, first.stream, join(modelFolder, "stream"), seed)
        : { missing: "nothing was evaluated" },
  };
}

/**
 * A plain transformer on short problems: half of the batches have their steps written out and every word asked for, as
 * text to predict; half ask for the number after every sentence without telling it.
 */
async function pretrain(
  problems: WordProblems,
  { hiddenSize, numHiddenLayers, pretraining, batchSize }: GeneratedSettings,
  seed: number,
  curve: LossCurve,
  onProgress: RunContext["onProgress"],
): Promise<ModelData> {
  const config = smallDecoder({ hiddenSize, numHiddenLayers, vocabSize: problems.vocabulary.size });
  const start = initializeModel(config, new Random(`weights/${seed}`), smallAlphaInitialization);
  using model = DecoderModel.fromData(start);
  using trainer = new Trainer(model, pretraining);
  const batches = (step: number): Batch[] => {
    const random = new Random(`pretraining/${seed}/${step}`);
    const sentences = 1 + random.integer(pretraining.sentences);
    const drawn = drawWordProblems(problems, {
      seed: `pretraining-${seed}`,
      split: "train",
      index: step,
      batchSize,
      sentences,
    });
    return [(random.integer(2) === 0 ? answerBatch : writtenStepsBatch)(problems, drawn)];
  };
  await trainer.run(batches, (report) => {
    curve.add(report);
    onProgress({ phase: "pretraining", step: report.step, steps: pretraining.steps, loss: report.loss });
  });
  return await model.toData();
}

/** The answer asked for after every sentence; all problems of a batch of one length, between a quarter of the longest and it. */
function coTrainingBatches(
  problems: WordProblems,
  { coTraining, batchSize }: GeneratedSettings,
  seed: number,
): (step: number) => Batch[] {
  const shortest = Math.max(1, Math.floor(coTraining.sentences / 4));
  return (step) => {
    const random = new Random(`co-training/${seed}/${step}`);
    const sentences = shortest + random.integer(coTraining.sentences - shortest + 1);
    return [
      answerBatch(problems, drawWordProblems(problems, { seed, split: "train", index: step, batchSize, sentences })),
    ];
  };
}

/** As long as in co-training, half as long again, and twice as long. */
function questionSets(problems: WordProblems, { coTraining, questions }: GeneratedSettings, seed: number): Measured[] {
  return [1, 1.5, 2].map((times) => {
    const sentences = Math.round(times * coTraining.sentences);
    const options = { sentences, questions, seed };
    return {
      title: `${sentences} sentences`,
      role: times === 1 ? "trained" : "harder",
      file: `${sentences}-sentences`,
      benchmark: wordProblemBenchmark(problems, options),
      withSteps: wordProblemBenchmark(problems, { ...options, writtenSteps: true }),
    };
  });
}
