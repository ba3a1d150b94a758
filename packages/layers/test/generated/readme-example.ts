import "@sst/backend-cpu";
import { DecoderModel, forward, initializeModel, tokenTensor } from "@sst/layers";
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
const weights = model.weights();
const tokens = tokenTensor([[3, 1, 4, 1, 5]], config);

const exact = forward(weights, tokens);
const residuals: Promise<number>[] = [];
const parallel = forward(weights, tokens, {
  solver: "layerwise",
  sweeps: 5,
  onResidual: (_layer, residual) => residuals.push(residual),
});
for (const residual of await Promise.all(residuals)) console.log(`solved to within 1e-5: ${residual < 1e-5}`);
console.log(`logits [${exact.shape}] and [${parallel.shape}]`);
for (const each of [tokens, exact, parallel, weights]) each.dispose();
