import { initializeModel } from "@sst/layers";
import { createTask, memorySource, modelFiles, readModelData, taskBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";

const task = createTask("s3");
const { tokens, labels } = taskBatch(task, { seed: 0, split: "test", index: 0, batchSize: 1, length: 4 });
const names = (ids: Int32Array) => Array.from(ids, (id) => task.vocabulary.decode(id)).join(" ");
console.log(`symbols: ${names(tokens)}`);
console.log(`answers: ${names(labels.subarray(1))}`);

const config = {
  modelType: "llama",
  vocabSize: task.vocabulary.size,
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
const files = modelFiles(initializeModel(config, new Random(0)), { vocabulary: task.vocabulary });
console.log(Object.keys(files).join(", "));
const { weights } = await readModelData(memorySource(files));
console.log(`${Object.keys(weights).length} tensors read back`);
