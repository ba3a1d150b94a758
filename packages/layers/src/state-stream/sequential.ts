/** `sequential` (exact): one dependent step per column, with backpropagation through time. */
import { add, concat, expandDims, pullBack, solved, stateRecurrence, type Tensor, tidy } from "@sst/tensor";
import { activationOf } from "../feed-forward.js";
import { tensorsOf, withTensors } from "../layer-tensors.js";
import { isPacked } from "../linear.js";
import { columnAt } from "../positions.js";
import type { LayerWeights } from "../weights.js";
import { type LayerStream, statesBefore, sweep } from "./layer-stream.js";

/** The states of all columns of one layer, `[batch, columns, hiddenSize]`. */
export function solveSequential(a: Tensor, stream: LayerStream): Tensor {
  const { weights, alpha, keep, initial, config } = stream;
  const { gate_proj: gate, up_proj: up, down_proj: down, feedForwardOutNorm } = weights;
  const hasBias = networkBiases.some((name) => weights[name] !== undefined);
  if (hasBias || isPacked(gate) || isPacked(up) || isPacked(down)) return solveByStep(a, stream);
  const network = { normWeight: weights.feedForwardNorm, gate, up, down };
  const outNorm = feedForwardOutNorm && { outNormWeight: feedForwardOutNorm };
  const attributes = { epsilon: config.rmsNormEps, activation: activationOf(config) };
  return stateRecurrence({ a, alpha, keep, initial, ...network, ...outNorm }, attributes).y;
}

const networkBiases = ["gate_proj.bias", "up_proj.bias", "down_proj.bias"] as const;

/**
 * The kernel takes floats, and no biases. Elsewhere the states are solved for as an equation, `s = sweep(a, s of the column before)`:
 * forward and for the adjoint column by column, and the gradients of everything else by one sweep over all columns. So the
 * memory of a training step does not grow with a graph of as many steps as there are columns (implicit differentiation).
 */
function solveByStep(a: Tensor, stream: LayerStream): Tensor {
  const { gate_proj, up_proj, down_proj, feedForwardNorm, feedForwardOutNorm, ...others } = stream.weights;
  const biases = Object.fromEntries(networkBiases.map((name) => [name, others[name]]));
  const network = { gate_proj, up_proj, down_proj, feedForwardNorm, feedForwardOutNorm, ...biases };
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
