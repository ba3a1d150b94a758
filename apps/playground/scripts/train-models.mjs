/**
 * Trains the pair of models that the page shows and writes them to public/models: products in S3 with the state stream,
 * and the same transformer without it, from the same seed and batches.
 */
import { fileURLToPath } from "node:url";
import "@sst/backend-cpu";
import { DecoderModel, initializeModel, paperAlpha, smallAlphaInitialization, smallDecoder } from "@sst/layers";
import { createTask, saveModel, taskBatch } from "@sst/loaders";
import { Random, ready } from "@sst/tensor";
import { Trainer } from "@sst/train";

const seed = 1;
const trainedLength = 16;
const task = createTask("s3");
/** One length per batch, from a quarter of the trained one on. */
function batchOf(step) {
  const length = trainedLength / 4 + new Random(`length/${seed}/${step}`).integer((trainedLength * 3) / 4 + 1);
  return taskBatch(task, { seed, split: "train", index: step, batchSize: 64, length });
}

await ready({ backend: "cpu" });
for (const [name, stateStream] of [
  ["stream", paperAlpha],
  ["baseline", undefined],
]) {
  const config = smallDecoder({ hiddenSize: 32, vocabSize: task.vocabulary.size, stateStream });
  const start = initializeModel(config, new Random(`weights/${seed}`), smallAlphaInitialization);
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
