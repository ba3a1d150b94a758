/** A generated task: symbols as a prompt, and the state that they lead to as the one token of the completion. */
import { type Task, taskBatch } from "@sst/loaders";
import type { Benchmark } from "../benchmark.js";

export interface GeneratedTaskOptions {
  /** Symbols in a sequence. */
  readonly length: number;
  /** How many sequences; defaults to 1000. */
  readonly sequences?: number;
  /** Defaults to 0. */
  readonly seed?: number;
}

/** Sequences in a batch of the task; with another number they would be other sequences. */
const BATCH = 250;

/** Fresh sequences of the test split. */
export function taskBenchmark(task: Task, options: GeneratedTaskOptions): Benchmark {
  const { length, sequences = 1000, seed = 0 } = options;
  const batches = Array.from({ length: Math.ceil(sequences / BATCH) }, (_, index) =>
    taskBatch(task, { seed, split: "test", index, batchSize: BATCH, length }),
  );
  const name = (token: number) => task.vocabulary.decode(token);
  const questions = Array.from({ length: sequences }, (_, index) => {
    const { tokens, labels, time } = batches[Math.floor(index / BATCH)] as (typeof batches)[number];
    const end = ((index % BATCH) + 1) * time;
    const right = name(labels[end - 1] as number);
    return {
      id: String(index + 1),
      prompt: Array.from(tokens.subarray(end - time + 1, end), name).join(" "),
      judge: (completion: string) => ({ answer: completion, correct: completion === right }),
    };
  });
  return { name: `task ${task.name}`, settings: { length, seed }, questions, maxNewTokens: 1, stopTexts: [] };
}
