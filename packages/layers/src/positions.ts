/** Where the columns of a chunk stand, and with several iterations the widening of the time axis. */
import { expandDims, reshape, slice, squeeze, type Tensor, tile } from "@sst/tensor";

/** A chunk of `time` positions from `offset` on, each of `iterations` columns. */
export interface Chunk {
  readonly time: number;
  readonly offset: number;
  readonly iterations: number;
  /** By how many positions each row is ahead of the offset, `[batch]` int32; absent where all stand there. */
  readonly ahead?: Tensor | undefined;
}

/** `[batch, time, size]` to `[batch, time · iterations, size]`: every position's row once per iteration. */
export function repeatColumns(x: Tensor, iterations: number): Tensor {
  if (iterations === 1) return x;
  const [batch, time, size] = x.shape as [number, number, number];
  return reshape(tile(expandDims(x, 2), [1, 1, iterations, 1]), [batch, time * iterations, size]);
}

/** `[batch, time · iterations, ...]` to `[batch, time, ...]`: what the last iteration left. */
export function lastIterations(x: Tensor, iterations: number): Tensor {
  if (iterations === 1) return x;
  const [batch, columns, ...rest] = x.shape as [number, number, ...number[]];
  const time = columns / iterations;
  const split = reshape(x, [batch, time, iterations, ...rest]);
  const begin = [0, 0, iterations - 1, ...rest.map(() => 0)];
  return squeeze(slice(split, begin, [batch, time, 1, ...rest]), [2]);
}

/** `[batch, columns, ...]` to `[batch, count, ...]`. */
export function columnsFrom(x: Tensor, start: number, count: number): Tensor {
  const [batch, columns, ...rest] = x.shape as [number, number, ...number[]];
  return columns === count ? x : slice(x, [0, start, ...rest.map(() => 0)], [batch, count, ...rest]);
}

/** `[batch, columns, ...]` to `[batch, 1, ...]`. */
export function columnAt(x: Tensor, index: number): Tensor {
  return columnsFrom(x, index, 1);
}

export function lastColumn(x: Tensor): Tensor {
  return columnAt(x, (x.shape[1] as number) - 1);
}
