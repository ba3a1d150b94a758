import "@sst/backend-cpu";
import { generate } from "@sst/infer";
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
let count = 0;
for await (const token of generate(model, [3, 1, 4], { maxNewTokens: 6, iterations: 2, temperature: 0.8, seed: 1 })) {
  if (token < config.vocabSize) count++;
}
console.log(`${count} tokens`);
