import "@sst/backend-cpu";
import { DecoderModel, initializeModel } from "@sst/layers";
import { Random, ready } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";

await ready({ backend: "cpu" });
const config = {
  modelType: "llama",
  vocabSize: 10,
  hiddenSize: 16,
  intermediateSize: 32,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 64,
  stateStream: { alphaMin: 0.015, alphaMax: 0.1 },
} as const;

using model = DecoderModel.fromData(initializeModel(config, new Random(0)));
using trainer = new Trainer(model, { steps: 60, learningRate: 1e-2, warmupSteps: 10 });
const counting = [0, 3, 6].map((start) => Array.from({ length: 8 }, (_, i) => (start + i) % 10));
const losses: number[] = [];
await trainer.run(
  () => [nextTokenBatch(counting)],
  ({ loss }) => losses.push(loss),
);
console.log(`${losses.length} steps; it has learned to count: ${(losses.at(-1) ?? 1) < 0.1}`);
