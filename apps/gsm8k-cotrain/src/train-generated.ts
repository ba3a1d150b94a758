/** Training of one seed on generated problems: a backbone without a stream, then the stream and its baseline on it. */
import { DecoderModel, initializeModel, type ModelData, smallAlphaInitialization, smallDecoder } from "@sst/layers";
import { answerBatch, drawWordProblems, type WordProblems, writtenStepsBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { type Batch, type CoTrainVariant, coTrain, loraOfRank, Trainer } from "@sst/train";
import type { GeneratedSettings } from "./jobs.js";
import { LossCurve } from "./loss-curve.js";
import type { RunContext } from "./run-context.js";

export interface TrainedModels {
  readonly backbone: ModelData;
  /** The caller disposes of them. */
  readonly models: Readonly<Record<CoTrainVariant, DecoderModel>>;
  readonly curves: Readonly<Record<CoTrainVariant | "pretraining", LossCurve>>;
}

export async function trainGenerated(
  problems: WordProblems,
  settings: GeneratedSettings,
  seed: number,
  onProgress: RunContext["onProgress"],
): Promise<TrainedModels> {
  const curves = { pretraining: new LossCurve(), stream: new LossCurve(), baseline: new LossCurve() };
  const backbone = await pretrain(problems, settings, seed, curves.pretraining, onProgress);
  const { steps, learningRate, rank, stateStream, theta, solver } = settings.coTraining;
  const models = await coTrain(backbone, {
    ...{ seed, stateStream, theta, ...(solver && { streamForward: solver }) },
    lora: loraOfRank(rank),
    trainer: { steps, learningRate },
    batches: coTrainingBatches(problems, settings, seed),
    onStep: (variant, report) => {
      curves[variant].add(report);
      if (variant === "stream") onProgress({ phase: "co-training", step: report.step, steps, loss: report.loss });
    },
  });
  return { backbone, models, curves };
}

/**
 * A plain transformer on short problems: half of the batches have their steps written out and every word asked for, as
 * text to predict; half ask for the answer without telling it.
 */
async function pretrain(
  problems: WordProblems,
  { hiddenSize, numHiddenLayers, firstWeights, askedAfter, pretraining, batchSize }: GeneratedSettings,
  seed: number,
  curve: LossCurve,
  onProgress: RunContext["onProgress"],
): Promise<ModelData> {
  const config = smallDecoder({ hiddenSize, numHiddenLayers, vocabSize: problems.vocabulary.size });
  const initialization = firstWeights === "small" ? smallAlphaInitialization : {};
  const start = initializeModel(config, new Random(`weights/${seed}`), initialization);
  using model = DecoderModel.fromData(start);
  using trainer = new Trainer(model, pretraining);
  const batches = (step: number): Batch[] => {
    const random = new Random(`pretraining/${seed}/${step}`);
    const sentences = 1 + random.integer(pretraining.sentences);
    const drawn = drawWordProblems(problems, {
      ...{ seed: `pretraining-${seed}`, split: "train", index: step, batchSize, sentences },
    });
    return [random.integer(2) === 0 ? answerBatch(problems, drawn, askedAfter) : writtenStepsBatch(problems, drawn)];
  };
  await trainer.run(batches, (report) => {
    curve.add(report);
    onProgress({ phase: "pretraining", step: report.step, steps: pretraining.steps, loss: report.loss });
  });
  return await model.toData();
}

/** All problems of a batch are of one length, between a quarter of the longest of that step and it. */
function coTrainingBatches(
  problems: WordProblems,
  { askedAfter, batchSize, coTraining: { sentences: most, stepsPerSentence } }: GeneratedSettings,
  seed: number,
): (step: number) => Batch[] {
  return (step) => {
    const random = new Random(`co-training/${seed}/${step}`);
    const longest = stepsPerSentence === undefined ? most : Math.min(most, 1 + Math.floor(step / stepsPerSentence));
    const shortest = Math.max(1, Math.floor(longest / 4));
    const sentences = shortest + random.integer(longest - shortest + 1);
    const drawn = drawWordProblems(problems, { seed, split: "train", index: step, batchSize, sentences });
    return [answerBatch(problems, drawn, askedAfter)];
  };
}
