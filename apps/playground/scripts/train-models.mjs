/**
 * Trains the pair of models that the page shows and writes them to public/models: products in S3 with the state stream,
 * and the same transformer without it, from the same seed and batches.
 */
import { fileURLToPath } from "node:url";
import "@sst/backend-cpu";
import { DecoderModel, initializeModel } from "@sst/layers";
import { createTask, saveModel, taskBatch } from "@sst/loaders";
import { Random, ready } from "@sst/tensor";
import { Trainer } from "@sst/train";

const seed = 1;
const trainedLength = 16;
const task = createTask("s3");
const config = {
  modelType: "llama",
  vocabSize: task.vocabulary.size,
  hiddenSize: 32,
  intermediateSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 512,
};

/** One length per batch, from a quarter of the trained one on. */
function batchOf(step) {
  const length = trainedLength / 4 + new Random(`length/${seed}/${step}`).integer((trainedLength * 3) / 4 + 1);
  return taskBatch(task, { seed, split: "train", index: step, batchSize: 64, length });
}

await ready({ backend: "cpu" });
for (const [name, stateStream] of [
  ["stream", { alphaMin: 0.015, alphaMax: 0.1 }],
  ["baseline", undefined],
]) {
  const initialization = { embeddingDeviation: 0.02, attentionOutputScale: 0.1, theta: 2 };
  const start = initializeModel(
    stateStream ? { ...config, stateStream } : config,
    new Random(`weights/${seed}`),
    initialization,
  );
  using model = DecoderModel.fromData(start);
  using trainer = new Trainer(model, { steps: 700, learningRate: 3e-3 });
  let last = 0;
  await trainer.run(
    (step) => [batchOf(step)],
    ({ loss }) => {
      last = loss;
    },
  );
  const folder = fileURLToPath(new URL(`../public/models/s3/${name}`, import.meta.url));
  await saveModel(folder, model, { vocabulary: task.vocabulary, overwrite: true });
  console.log(`${name}: last loss ${last.toFixed(4)}, saved to ${folder}`);
}
