/**
 * What the state stream of one layer needs beside the post-attention hidden states: the blend factor, what precedes the
 * chunk, and where nothing does. The solvers share the operations in this file.
 */
import { concat, expandDims, slice, stateBlend, type Tensor } from "@sst/tensor";
import type { StreamMasks } from "../constants.js";
import { type FeedForwardConfig, feedForward } from "../feed-forward.js";
import type { LayerWeights } from "../weights.js";

export interface LayerStream extends Omit<StreamMasks, "nothing"> {
  readonly weights: LayerWeights;
  readonly alpha: Tensor;
  readonly config: FeedForwardConfig;
  /** The state before the chunk, `[batch, hiddenSize]`; zeros where there is none. */
  readonly initial: Tensor;
}

/** For each column the state that the one before it left: `[batch, columns, hiddenSize]`. */
export function statesBefore(states: Tensor, stream: LayerStream): Tensor {
  const [batch, columns, hiddenSize] = states.shape as [number, number, number];
  return concat([expandDims(stream.initial, 1), slice(states, [0, 0, 0], [batch, columns - 1, hiddenSize])], 1);
}

/** One sweep: blend the given states in and run the feed-forward network, all columns at once. */
export function sweep(a: Tensor, blended: Tensor, keep: Tensor, stream: LayerStream): Tensor {
  const h = stateBlend({ a, state: blended, alpha: stream.alpha, keep }, {}).h;
  return feedForward(h, stream.weights, stream.config);
}

/** A sweep that blends nothing but the state before the chunk; without one it is the plain feed-forward network. */
export function firstSweep(a: Tensor, stream: LayerStream): Tensor {
  return sweep(a, statesBefore(a, stream), stream.keepInitial, stream);
}
