/** Training batches: one length per batch, so that nothing is padded, from a stream that depends on the seed alone. */
import { type Task, taskBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";
import type { Batch } from "@sst/train";
import { batchSize, evaluatedSequences } from "./sizes.js";

/** The batch of a step; the task is drawn where there are several. The same for the model with and without the stream. */
export function trainingBatches(
  tasks: readonly Task[],
  seed: number,
  trainedLength: number,
): (step: number) => Batch[] {
  return (step) => {
    const random = new Random(`batches/${seed}/${step}`);
    const shortest = Math.floor(trainedLength / 4);
    const length = shortest + random.integer(trainedLength - shortest + 1);
    const task = tasks[random.integer(tasks.length)] as Task;
    return [taskBatch(task, { seed, split: "train", index: step, batchSize, length })];
  };
}

/** The sequences that a model is judged by, in batches that fit the memory. */
export function testBatches(task: Task, seed: number, length: number): Batch[] {
  const size = 250;
  return Array.from({ length: evaluatedSequences / size }, (_, index) =>
    taskBatch(task, { seed, split: "test", index, batchSize: size, length }),
  );
}
