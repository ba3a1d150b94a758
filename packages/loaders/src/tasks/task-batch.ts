/** Batches of a task, each from a random stream of its own. */
import { Random } from "@sst/tensor";
import type { Task } from "./task.js";

export interface TaskBatchOptions {
  readonly seed: number;
  /** Splits are independent streams: what is tested was not drawn for training. */
  readonly split: "train" | "validation" | "test";
  /** Which batch of the split. */
  readonly index: number;
  readonly batchSize: number;
  /** Symbols in a sequence. */
  readonly length: number;
}

export interface TaskBatch {
  readonly batchSize: number;
  /** The tokens of `length` symbols, and the start token that stands first. */
  readonly time: number;
  /** `[batchSize, time]`, row-major. */
  readonly tokens: Int32Array;
  /** The state after each symbol; -1 at the start token and within a symbol, where nothing is asked: `[batchSize, time]`. */
  readonly labels: Int32Array;
}

/** The same options give the same batch. */
export function taskBatch(task: Task, { seed, split, index, batchSize, length }: TaskBatchOptions): TaskBatch {
  const random = new Random(`${task.name}/${seed}/${split}/${length}/${index}`);
  const time = length * task.symbolTokens + 1;
  const tokens = new Int32Array(batchSize * time);
  const labels = new Int32Array(batchSize * time);
  for (let row = 0; row < batchSize; row++) {
    const sample = task.sample(random, length);
    tokens.set([task.vocabulary.startToken, ...sample.symbols], row * time);
    labels.set([-1, ...sample.labels], row * time);
  }
  return { batchSize, time, tokens, labels };
}
