/** Where the columns of a chunk stand: rotary tables and, with several iterations, the widening of the time axis. */
import { expandDims, reshape, slice, squeeze, type Tensor, tensor, tile } from "@sst/tensor";
import type { ModelConfig } from "./config.js";

/** A chunk of `time` positions from `offset` on, each of `iterations` columns. */
export interface Chunk {
  readonly time: number;
  readonly offset: number;
  readonly iterations: number;
}

/** cos and sin of the rotary angles for every column of a chunk: `[time · iterations, headDim / 2]`. */
export function rotaryTable(config: ModelConfig, chunk: Chunk): { cos: Tensor; sin: Tensor } {
  const half = config.headDim / 2;
  const columns = chunk.time * chunk.iterations;
  const cos = new Float32Array(columns * half);
  const sin = new Float32Array(columns * half);
  for (let column = 0; column < columns; column++) {
    const position = chunk.offset + Math.floor(column / chunk.iterations);
    for (let i = 0; i < half; i++) {
      const angle = position * config.ropeTheta ** (-i / half);
      cos[column * half + i] = Math.cos(angle);
      sin[column * half + i] = Math.sin(angle);
    }
  }
  return { cos: tensor(cos, [columns, half]), sin: tensor(sin, [columns, half]) };
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
