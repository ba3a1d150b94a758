/** What the trainer is fed with. Declared here; anything of this shape will do. */

export interface Batch {
  readonly batchSize: number;
  readonly time: number;
  /** `[batchSize, time]`, row-major. */
  readonly tokens: Int32Array;
  /** The answer asked for at each position, negative where there is none: `[batchSize, time]`. */
  readonly labels: Int32Array;
  /**
   * Where rows hold several documents: the position at which each position's document begins, `[batchSize, time]`.
   * Attention and stream stop there.
   */
  readonly documentStarts?: Int32Array;
}

/** How many positions of a batch ask for an answer. */
export function labelCount(batch: Batch): number {
  return batch.labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
}

/** Rows of tokens as a batch that asks at every position for the next token. */
export function nextTokenBatch(rows: readonly ArrayLike<number>[]): Batch {
  const time = (rows[0]?.length ?? 0) - 1;
  const tokens = new Int32Array(rows.length * time);
  const labels = new Int32Array(rows.length * time);
  rows.forEach((row, index) => {
    for (let t = 0; t < time; t++) {
      tokens[index * time + t] = row[t] as number;
      labels[index * time + t] = row[t + 1] as number;
    }
  });
  return { batchSize: rows.length, time, tokens, labels };
}
