/** Batches of k-hop, each from a random stream of its own. */
import { Random } from "@sst/tensor";
import type { HopTask } from "./hop-task.js";
import type { TaskBatch, TaskBatchOptions } from "./task-batch.js";

export interface HopBatchOptions extends Omit<TaskBatchOptions, "length"> {
  /** Hop counts of the batch's sequences, from `from` to `to`; each is drawn. */
  readonly from: number;
  readonly to: number;
}

export interface HopBatch extends TaskBatch {
  /** For iteration i, from 1 on, the node after min(i, k) hops: `to` stages, labelled as `labels`. */
  readonly stagedLabels: readonly Int32Array[];
  /** How many hops each sequence asks for. */
  readonly hops: readonly number[];
}

/** The same options give the same batch; only the last position has a label. */
export function hopBatch(task: HopTask, { seed, split, index, batchSize, from, to }: HopBatchOptions): HopBatch {
  const random = new Random(`${task.name}/${seed}/${split}/${from}-${to}/${index}`);
  const { time } = task;
  const tokens = new Int32Array(batchSize * time);
  const stagedLabels = Array.from({ length: to }, () => new Int32Array(batchSize * time).fill(-1));
  const labels = new Int32Array(batchSize * time).fill(-1);
  const hops = Array.from({ length: batchSize }, (_, row) => {
    const count = from + random.integer(to - from + 1);
    const sample = task.sample(random, count);
    const last = (row + 1) * time - 1;
    tokens.set(sample.tokens, row * time);
    labels[last] = sample.path[count] as number;
    stagedLabels.forEach((stage, before) => {
      stage[last] = sample.path[Math.min(before + 1, count)] as number;
    });
    return count;
  });
  return { batchSize, time, tokens, labels, stagedLabels, hops };
}
