/** Batches of k-hop, each from a random stream of its own. */
import { Random, SstError } from "@sst/tensor";
import type { HopTask } from "./hop-task.js";
import type { TaskBatch, TaskBatchOptions } from "./task-batch.js";

export interface HopBatchOptions extends Omit<TaskBatchOptions, "length"> {
  /** Hop counts of the batch's queries, from `from` to `to`; each is drawn. */
  readonly from: number;
  readonly to: number;
  /** Entries of the tables; defaults to all nodes. */
  readonly entries?: number;
  /** Queries of a sequence, one after the other; defaults to 1, which is the last position's. */
  readonly queries?: number;
  /**
   * In the form of tokens, asks at the second token of each entry for the first one, too: for training, since attention to the
   * token before is what a lookup begins with, and nothing else asks for it.
   */
  readonly asksBack?: boolean;
}

export interface HopBatch extends TaskBatch {
  /** For iteration i, from 1 on, the node after min(i, k) hops: `to` stages, labelled as `labels`. */
  readonly stagedLabels: readonly Int32Array[];
  /** How many hops each sequence's last query asks for. */
  readonly hops: readonly number[];
}

/**
 * The same options give the same batch. Labels are at the queries' last positions.
 *
 * @throws SstError `contradiction` for a packed task that is to ask back: its entries have one token
 */
export function hopBatch(task: HopTask, options: HopBatchOptions): HopBatch {
  const {
    seed,
    split,
    index,
    batchSize,
    from,
    to,
    entries = task.options.nodes,
    queries = 1,
    asksBack = false,
  } = options;
  if (asksBack && task.options.form === "packed") {
    throw new SstError("contradiction", `an entry of "${task.name}" is one token, so there is nothing to ask back`);
  }
  const random = new Random(`${task.name}/${seed}/${split}/${entries}/${queries}/${from}-${to}/${index}`);
  const time = task.time(entries, queries);
  const tokens = new Int32Array(batchSize * time);
  const stagedLabels = Array.from({ length: to }, () => new Int32Array(batchSize * time).fill(-1));
  const labels = new Int32Array(batchSize * time).fill(-1);
  const hops = Array.from({ length: batchSize }, (_, row) => {
    const counts = Array.from({ length: queries }, () => from + random.integer(to - from + 1));
    const sample = task.sample(random, counts, entries);
    tokens.set(sample.tokens, row * time);
    if (asksBack) {
      for (let entry = 0; entry < entries; entry++) {
        const second = row * time + 2 + 2 * entry;
        for (const each of [labels, ...stagedLabels]) each[second] = sample.tokens[1 + 2 * entry] as number;
      }
    }
    for (const [query, { path }] of sample.queries.entries()) {
      const position = (row + 1) * time - 1 - 2 * (queries - 1 - query);
      labels[position] = path.at(-1) as number;
      stagedLabels.forEach((stage, before) => {
        stage[position] = path[Math.min(before + 1, path.length - 1)] as number;
      });
    }
    return counts.at(-1) as number;
  });
  return { batchSize, time, tokens, labels, stagedLabels, hops };
}
