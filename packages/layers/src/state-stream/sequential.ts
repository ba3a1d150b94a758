/** `sequential` (exact): one dependent step per column, with backpropagation through time. */
import { add, concat, expandDims, pullBack, solved, stateRecurrence, type Tensor, tidy } from "@sst/tensor";
import { tensorsOf, withTensors } from "../layer-tensors.js";
import { isPacked } from "../linear.js";
import { columnAt } from "../positions.js";
import type { LayerWeights } from "../weights.js";
import { type LayerStream, statesBefore, sweep } from "./layer-stream.js";

/** The states of all columns of one layer, `[batch, columns, hiddenSize]`. */
export function solveSequential(a: Tensor, stream: LayerStream): Tensor {
  const { weights, alpha, keep, initial, epsilon } = stream;
  const { postAttentionNorm: normWeight, gate_proj: gate, up_proj: up, down_proj: down } = weights;
  if (isPacked(gate) || isPacked(up) || isPacked(down)) return solvePacked(a, stream);
  return stateRecurrence({ a, alpha, keep, initial, normWeight, gate, up, down }, { epsilon, activation: "silu" }).y;
}

/**
 * The kernel takes floats. With packed weights the states are solved for as an equation, `s = sweep(a, s of the column before)`:
 * forward and for the adjoint column by column, and the gradients of everything else by one sweep over all columns. So the
 * memory of a training step does not grow with a graph of as many steps as there are columns (implicit differentiation).
 */
function solvePacked(a: Tensor, stream: LayerStream): Tensor {
  const { postAttentionNorm, gate_proj, up_proj, down_proj } = stream.weights;
  const network = { postAttentionNorm, gate_proj, up_proj, down_proj };
  const streamOf = ({ a: _, initial, alpha, ...tensors }: Readonly<Record<string, Tensor>>): LayerStream => ({
    ...stream,
    initial: initial as Tensor,
    alpha: alpha as Tensor,
    weights: withTensors(network, tensors) as LayerWeights,
  });
  return solved<string>(
    {
      solve: (inputs) => columnByColumn(inputs.a as Tensor, streamOf(inputs)),
      step: (inputs, states) => {
        const own = streamOf(inputs);
        return sweep(inputs.a as Tensor, statesBefore(states, own), own.keep, own);
      },
      adjoint: (dStates, inputs, states) => adjointStates(dStates, inputs.a as Tensor, states, streamOf(inputs)),
    },
    { a, initial: stream.initial, alpha: stream.alpha, ...tensorsOf(network) },
  );
}

/** Every column is a pass of its own through the network: a prompt is read at the speed of decoding. */
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

/** What each column's state is worth to the loss, with what the columns behind it send back: the last column first. */
function adjointStates(dStates: Tensor, a: Tensor, states: Tensor, stream: LayerStream): Tensor {
  return tidy(() => {
    const last = (a.shape[1] as number) - 1;
    let total = columnAt(dStates, last);
    const totals = [total];
    for (let column = last; column > 0; column--) {
      total = tidy(() => {
        const before = columnAt(states, column - 1);
        const step = () => sweep(columnAt(a, column), before, columnAt(stream.keep, column), stream);
        const [sentBack] = pullBack(step, [before], total) as [Tensor];
        return add(columnAt(dStates, column - 1), sentBack);
      });
      totals.unshift(total);
    }
    return concat(totals, 1);
  });
}
