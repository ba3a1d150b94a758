/** `sequential` (exact): one dependent step per column, with backpropagation through time. */
import { concat, expandDims, stateRecurrence, type Tensor, tidy } from "@sst/tensor";
import { isPacked } from "../linear.js";
import { columnAt } from "../positions.js";
import { type LayerStream, sweep } from "./layer-stream.js";

/** The states of all columns of one layer, `[batch, columns, hiddenSize]`. */
export function solveSequential(a: Tensor, stream: LayerStream): Tensor {
  const { weights, alpha, keep, initial, epsilon } = stream;
  const { postAttentionNorm: normWeight, gate_proj: gate, up_proj: up, down_proj: down } = weights;
  if (isPacked(gate) || isPacked(up) || isPacked(down)) return columnByColumn(a, stream);
  return stateRecurrence({ a, alpha, keep, initial, normWeight, gate, up, down }, { epsilon }).y;
}

/**
 * The kernel takes floats. With packed weights every column is a pass of its own through the feed-forward network: for the
 * one column of a decoded token that is all there is to do, but a prompt reads the network's words once per column, and so
 * is read at the speed of decoding.
 */
function columnByColumn(a: Tensor, stream: LayerStream): Tensor {
  const columns = a.shape[1] as number;
  const states: Tensor[] = [];
  let state = expandDims(stream.initial, 1) as Tensor;
  for (let column = 0; column < columns; column++) {
    state = tidy(() => sweep(columnAt(a, column), state, columnAt(stream.keep, column), stream));
    states.push(state);
  }
  return columns === 1 ? state : concat(states, 1);
}
