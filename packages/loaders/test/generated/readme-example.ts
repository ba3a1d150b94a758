import { createTask, memorySource, modelFiles, readModelData, taskBatch } from "@sst/loaders";
import { initializeModel } from "@sst/layers";
import { Random } from "@sst/tensor";

const task = createTask("s3");
const { tokens, labels, time } = taskBatch(task, { seed: 0, split: "test", index: 0, batchSize: 1, length: 4 });
console.log(`${time} tokens, beginning with ${task.vocabulary.decode(tokens[0]!)}; first label ${labels[0]}`);

const config = {
  modelType: "llama", vocabSize: task.vocabulary.size, hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 2,
  numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 4, rmsNormEps: 1e-5, ropeTheta: 10_000,
  tieWordEmbeddings: true, maxPositionEmbeddings: 64, stateStream: { alphaMin: 0.015, alphaMax: 0.1 },
} as const;
const files = modelFiles(initializeModel(config, new Random(0)), { vocabulary: task.vocabulary });
console.log(Object.keys(files).join(", "));
const { weights } = await readModelData(memorySource(files));
console.log(`${Object.keys(weights).length} tensors read back`);
