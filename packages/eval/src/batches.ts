/** What an evaluation is fed with; the batches of `@sst/loaders`' tasks and `@sst/train` are of this shape. */

export interface LabelledBatch {
  readonly batchSize: number;
  readonly time: number;
  /** `[batchSize, time]`, row-major. */
  readonly tokens: Int32Array;
  /** The right answer at each position, negative where none is asked for: `[batchSize, time]`. */
  readonly labels: Int32Array;
  /** Where rows hold several documents: the position at which each position's begins, `[batchSize, time]`. */
  readonly documentStarts?: Int32Array;
}

/** The rows of a `[batchSize, time]` array. */
export function rowsOf(values: Int32Array, batch: LabelledBatch): Int32Array[] {
  return Array.from({ length: batch.batchSize }, (_, row) => values.subarray(row * batch.time, (row + 1) * batch.time));
}
