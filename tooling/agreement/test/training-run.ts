/** The run that every backend makes: a model of four layers and width 128 on text, two hundred steps. */
import { DecoderModel, initializeModel, type ModelConfig, type ModelData, paperAlpha } from "@sst/layers";
import { Random, ready } from "@sst/tensor";
import { lossAndGradients, nextTokenBatch, Trainer } from "@sst/train";
import { textRows } from "./text.js";

const STEPS = 200;
const BATCH = 2;
const TIME = 8;

/** Steps before which the gradients are compared; the last is the end of the run. */
export const LANDMARKS = [0, 100, 200] as const;

const config: ModelConfig = {
  modelType: "llama",
  vocabSize: 128,
  hiddenSize: 128,
  intermediateSize: 128,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 128,
  stateStream: paperAlpha,
};

/** Two passes with a scan: blend and scan take part, forward and backward, and no device has to go step by step. */
const forward = { solver: "two-pass", propagation: "scan" } as const;

export interface TrainingRun {
  /** Before every step. */
  readonly losses: readonly number[];
  /** The model at the landmarks. */
  readonly models: readonly ModelData[];
}

export async function trainingRun(backend: string): Promise<TrainingRun> {
  await ready({ backend });
  using model = DecoderModel.fromData(initializeModel(config, new Random("agreement")));
  using trainer = new Trainer(model, { steps: STEPS, learningRate: 1e-3, warmupSteps: 20, forward });
  const losses: number[] = [];
  const models: ModelData[] = [];
  for (let step = 0; step < STEPS; step++) {
    if (step === LANDMARKS[models.length]) models.push(await model.toData());
    losses.push((await trainer.step([batchOf(step)])).loss);
  }
  models.push(await model.toData());
  return { losses, models };
}

/** Gradients by parameter name, of the batch that the landmark's step is made with. */
export async function gradientsAt(
  backend: string,
  data: ModelData,
  landmark: number,
): Promise<Record<string, Float32Array>> {
  await ready({ backend });
  using model = DecoderModel.fromData(data);
  const { loss, gradients } = lossAndGradients(model, [batchOf(landmark)], model.parameterNames, forward);
  const read = Object.entries(gradients).map(
    async ([name, gradient]) => [name, (await gradient.data()) as Float32Array] as const,
  );
  const values = Object.fromEntries(await Promise.all(read));
  for (const each of [loss, ...Object.values(gradients)]) each.dispose();
  return values;
}

function batchOf(step: number) {
  return nextTokenBatch(textRows(step, BATCH, TIME + 1));
}
