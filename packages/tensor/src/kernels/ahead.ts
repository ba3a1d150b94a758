/**
 * Rows of a batch that stand at different positions: an optional input says by how many positions each row is ahead of the one
 * that an attribute gives. A device cannot raise an error, so what is out of range has a meaning, and stays within memory.
 */
import { add, cast, type Tensor } from "@tensorflow/tfjs-core";

/** `[batch]`. Negative for a row that is behind, as one is that has nothing to do. */
export const ahead = { shape: ["batch"], dtype: "int32", optional: true } as const;

/** Positions of all rows as numbers that can be calculated with, `[batch]`. */
export function positionsOf(ahead: Tensor, position: number): Tensor {
  return add(cast(ahead, "float32"), position);
}
