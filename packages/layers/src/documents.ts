/**
 * Several documents in one row: attention and state stream stop at their borders. Rotary positions run on through the
 * row: what a query makes of a key depends on the distance between them alone, so each document is computed as if it
 * began at 0.
 */
import { SstError, type Tensor, tensor, tidy } from "@sst/tensor";
import type { ForwardOptions } from "./forward-options.js";

/** On the device, by column: each position has as many columns as iterations. */
export interface Documents {
  /** The column at which the column's document begins, `[batch, columns]` int32. */
  readonly starts: Tensor;
  /** 0 where a document begins and nothing precedes, else 1: `[batch, columns]`. */
  readonly keep: Tensor;
}

/**
 * The caller disposes of both tensors.
 *
 * @param starts the position at which each position's document begins, `[batch, time]` row-major
 * @throws SstError `shape-mismatch` for another length, `invalid-argument` naming a position whose start is not one
 */
export function documentTensors(
  starts: Int32Array,
  batch: number,
  time: number,
  wanted: ForwardOptions["iterations"] = 1,
): Documents {
  // Chosen positions do not go with documents, which the forward pass says.
  const iterations = typeof wanted === "number" ? wanted : 1;
  if (starts.length !== batch * time) {
    throw new SstError(
      "shape-mismatch",
      `${batch} rows of ${time} have ${batch * time} document starts, but there are ${starts.length}`,
    );
  }
  const columns = time * iterations;
  const byColumn = new Int32Array(batch * columns);
  const keep = new Float32Array(batch * columns).fill(1);
  for (let row = 0; row < batch; row++) {
    for (let position = 0; position < time; position++) {
      const start = starts[row * time + position] as number;
      const before = position > 0 ? (starts[row * time + position - 1] as number) : undefined;
      if (start !== position && start !== before) {
        throw new SstError(
          "invalid-argument",
          `row ${row + 1}, position ${position}: a document begins there or goes on, so its start is ${position} or ` +
            `${before ?? position}, not ${start}`,
        );
      }
      const at = row * columns + position * iterations;
      byColumn.fill(start * iterations, at, at + iterations);
      if (start === position) keep[at] = 0;
    }
  }
  return tidy(() => ({
    starts: tensor(byColumn, [batch, columns], "int32"),
    keep: tensor(keep, [batch, columns]),
  })) as Documents;
}
