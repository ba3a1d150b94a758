import "@sst/backend-cpu";
import { labelAccuracy } from "@sst/eval";
import { DecoderModel, initializeModel } from "@sst/layers";
import { Random, ready } from "@sst/tensor";

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
const tokens = Int32Array.of(3, 1, 4, 1, 5, 9);
const labels = Int32Array.of(-1, 1, 4, -1, 5, 9); // -1: nothing is asked here
const { byPosition, sequences } = await labelAccuracy(model, [{ batchSize: 2, time: 3, tokens, labels }]);
console.log(`${sequences} sequences, answers asked for at ${byPosition.length} positions`);
