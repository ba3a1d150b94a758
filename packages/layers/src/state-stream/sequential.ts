/** `sequential` (exact): one dependent step per column, with backpropagation through time. */
import { stateRecurrence, type Tensor } from "@sst/tensor";
import type { LayerStream } from "./layer-stream.js";

/** The states of all columns of one layer, `[batch, columns, hiddenSize]`. */
export function solveSequential(a: Tensor, stream: LayerStream): Tensor {
  const { weights, alpha, keep, initial, epsilon } = stream;
  return stateRecurrence(
    {
      a,
      alpha,
      keep,
      initial,
      normWeight: weights.postAttentionNorm,
      gate: weights.gate_proj,
      up: weights.up_proj,
      down: weights.down_proj,
    },
    { epsilon },
  ).y;
}
