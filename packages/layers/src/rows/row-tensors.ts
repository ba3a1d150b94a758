/** What the rows of a batch keep on the device, by name, as a plan carries it: `keys0`, `values0`, `state0`, and so on for every layer. */
import { keep, reshape, slice, type Tensor, zeros } from "@sst/tensor";
import { cacheShape, writeRows } from "../caches/kv-cache.js";
import type { ModelConfig } from "../config.js";

export interface RowSizes {
  readonly rows: number;
  /** Positions that a row can hold. */
  readonly capacity: number;
  /** Whether rows have latent states. */
  readonly hasStream: boolean;
}

/**
 * Zeros for rows without contents. With a stream a layer has its `state`, and as `settled` the one before the position that a row is
 * at, in case that comes to nothing; with recirculation the rows have a `topBefore`.
 *
 * @param given those that are there already
 */
export function emptyRows(
  config: ModelConfig,
  { rows, capacity, hasStream }: RowSizes,
  given: Readonly<Record<string, Tensor>> = {},
): Record<string, Tensor> {
  const { hiddenSize, numHiddenLayers, stateStream } = config;
  const tensors: Record<string, Tensor> = {};
  const add = (name: string, shape: number[]) => {
    tensors[name] = given[name] ?? keep(zeros(shape) as Tensor);
  };
  // As a cache of one slot, which a row writes, or does not, as it does its keys.
  const vectors = [rows, 1, 1, hiddenSize];
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    const shape = cacheShape(config, layer, rows, capacity);
    add(`keys${layer}`, shape);
    add(`values${layer}`, shape);
    if (!hasStream) continue;
    add(`state${layer}`, vectors);
    add(`settled${layer}`, vectors);
  }
  if (hasStream && stateStream?.recirculate) add("topBefore", vectors);
  return tensors;
}

/**
 * Puts `part` into the first entries of a row's second dimension. Uses `all` up.
 *
 * @param all `[rows, entries, ...]`
 * @param part `[1, count, ...]`, of which as many are taken as there are entries
 */
export function writeRow(all: Tensor, row: number, part: Tensor): Tensor {
  const [, entries, ...rest] = all.shape as [number, number, ...number[]];
  const size = rest.reduce((left, right) => left * right, 1);
  // As one row of all entries, of which a stretch is written in place.
  const flat = reshape(all, [1, -1, 1, size]);
  all.dispose();
  const written = writeRows(flat, reshape(part, [1, -1, 1, size]), row * entries);
  flat.dispose();
  const shaped = keep(reshape(written, all.shape));
  written.dispose();
  return shaped;
}

/** The first entries of a row's second dimension: `[1, count, ...]`. */
export function readRow(all: Tensor, row: number, count: number): Tensor {
  const [, , ...rest] = all.shape as [number, number, ...number[]];
  return slice(all, [row, 0, ...rest.map(() => 0)], [1, count, ...rest]);
}
