/**
 * The state stream's recurrence through one feed-forward network, solved exactly (`state-stream` section 2,
 * `sequential`): time dependent steps on `[batch, hiddenSize]`, and backpropagation through time.
 *
 *     h_t = (1 - alpha) ⊙ a_t + alpha ⊙ s_{t-1}        s_{-1} = initial; h_t = a_t where keep_t is 0
 *     y_t = h_t + down · (silu(gate · n_t) ⊙ (up · n_t)),  n_t = rmsNorm(h_t)
 *     s_t = y_t
 *
 * Only the chain itself is sequential. The backward pass computes everything that does not depend on the chain for all
 * positions at once, and the gradients of the weights are plain matrix products over what the chain leaves.
 */
import {
  add,
  concat,
  expandDims,
  matMul,
  mul,
  reshape,
  slice,
  squeeze,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { gatedActivation, gatedActivationGradient } from "./gated-activation.js";
import { type RmsNormAttributes, rmsNorm, rmsNormGradient } from "./rms-norm.js";
import { blendShare, stateBlend } from "./state-blend.js";

const sequence = { shape: ["batch", "time", "hiddenSize"] } as const;
const wide = { shape: ["batch", "time", "intermediateSize"] } as const;
const inputs = {
  a: sequence,
  alpha: { shape: ["hiddenSize"] },
  keep: { shape: ["batch", "time"] },
  initial: { shape: ["batch", "hiddenSize"] },
  normWeight: { shape: ["hiddenSize"] },
  gate: { shape: ["intermediateSize", "hiddenSize"] },
  up: { shape: ["intermediateSize", "hiddenSize"] },
  down: { shape: ["hiddenSize", "intermediateSize"] },
} as const;

/** All states (and layer outputs) y `[batch, time, hiddenSize]` of one layer. */
export const stateRecurrence = defineKernel<RmsNormAttributes>({
  name: "stateRecurrence",
  summary: "the exact recurrence of blend and feed-forward network over time",
  inputs,
  outputs: { y: sequence },
  tolerance: 2e-5,
  compose: ({ a, alpha, keep, initial, normWeight, gate, up, down }, attributes) => {
    const states: Tensor[] = [];
    let state = expandDims(initial as Tensor, 1);
    for (let t = 0; t < timeOf(a as Tensor); t++) {
      const h = stateBlend({ a: at(a as Tensor, t), state, alpha, keep: at(keep as Tensor, t) }, {}).h as Tensor;
      const n = rmsNorm({ x: h, weight: normWeight }, attributes).y as Tensor;
      const activation = gatedActivation({ gate: linear(n, gate as Tensor), up: linear(n, up as Tensor) }, {});
      state = add(h, linear(activation.y as Tensor, down as Tensor));
      states.push(state);
    }
    return { y: concat(states, 1) };
  },
  gradient: {
    saves: ["a", "alpha", "keep", "initial", "normWeight", "gate", "up", "down", "y"],
    compute: ({ y: dy }, saved, attributes) => {
      const { a, alpha, keep, initial, normWeight, gate, up, y } = saved as Record<string, Tensor>;
      const chain = stateRecurrenceGradient({ dy, ...saved }, attributes) as Record<string, Tensor>;
      const previous = statesBefore(initial as Tensor, y as Tensor);
      const share = blendShare(alpha as Tensor, keep as Tensor);
      const h = stateBlend({ a, state: previous, alpha, keep }, {}).h as Tensor;
      const n = rmsNorm({ x: h, weight: normWeight }, attributes).y as Tensor;
      const dh = chain.dh as Tensor;
      return {
        a: () => mul(sub(1, share), dh),
        initial: () => squeeze(at(mul(share, dh), 0), [1]),
        alpha: () => sum(mul(mul(dh, expandDims(keep as Tensor, -1)), sub(previous, a as Tensor)), [0, 1]),
        normWeight: () => {
          const dn = add(
            throughLinear(chain.dGate as Tensor, gate as Tensor),
            throughLinear(chain.dUp as Tensor, up as Tensor),
          );
          return rmsNormGradient({ dy: dn, x: h, weight: normWeight }, attributes).dWeight as Tensor;
        },
        gate: () => weightGradient(chain.dGate as Tensor, n),
        up: () => weightGradient(chain.dUp as Tensor, n),
        down: () => weightGradient(chain.dTotal as Tensor, chain.activation as Tensor),
      };
    },
  },
});

/**
 * The part of the gradient that runs backwards through time: `dTotal` (of y_t, with what later positions send back),
 * `dh`, `dGate` and `dUp` (before the activation), and the activation, which the gradient of `down` needs.
 */
export const stateRecurrenceGradient = defineKernel<RmsNormAttributes>({
  name: "stateRecurrenceGradient",
  summary: "the chain of stateRecurrence's gradient, backwards through time",
  inputs: { dy: sequence, ...inputs, y: sequence },
  outputs: { dh: sequence, dTotal: sequence, dGate: wide, dUp: wide, activation: wide },
  tolerance: 2e-5,
  compose: ({ dy, a, alpha, keep, initial, normWeight, gate, up, down, y }, attributes) => {
    const h = stateBlend({ a, state: statesBefore(initial as Tensor, y as Tensor), alpha, keep }, {}).h as Tensor;
    const n = rmsNorm({ x: h, weight: normWeight }, attributes).y as Tensor;
    const gates = linear(n, gate as Tensor);
    const ups = linear(n, up as Tensor);
    const share = blendShare(alpha as Tensor, keep as Tensor);
    const steps: Record<"dh" | "dTotal" | "dGate" | "dUp", Tensor>[] = [];
    let carried: Tensor | undefined;
    for (let t = timeOf(a as Tensor) - 1; t >= 0; t--) {
      const own = at(dy as Tensor, t);
      const dTotal: Tensor = carried === undefined ? own : add(own, carried);
      const dActivation = throughLinear(dTotal, down as Tensor);
      const activation = gatedActivationGradient({ dy: dActivation, gate: at(gates, t), up: at(ups, t) }, {});
      const dGate = activation.dGate as Tensor;
      const dUp = activation.dUp as Tensor;
      const dn = add(throughLinear(dGate, gate as Tensor), throughLinear(dUp, up as Tensor));
      const dNormed = rmsNormGradient({ dy: dn, x: at(h, t), weight: normWeight }, attributes).dx as Tensor;
      const dh = add(dTotal, dNormed);
      carried = mul(at(share, t), dh);
      steps.unshift({ dh, dTotal, dGate, dUp });
    }
    const joined = (name: "dh" | "dTotal" | "dGate" | "dUp") =>
      concat(
        steps.map((step) => step[name]),
        1,
      );
    return {
      dh: joined("dh"),
      dTotal: joined("dTotal"),
      dGate: joined("dGate"),
      dUp: joined("dUp"),
      activation: gatedActivation({ gate: gates, up: ups }, {}).y as Tensor,
    };
  },
});

function timeOf(x: Tensor): number {
  return x.shape[1] as number;
}

/** The states that each position blends in: the initial one, then every state but the last. */
function statesBefore(initial: Tensor, y: Tensor): Tensor {
  const [batch, time, hiddenSize] = y.shape as [number, number, number];
  return concat([expandDims(initial, 1), slice(y, [0, 0, 0], [batch, time - 1, hiddenSize])], 1);
}

/** Position t, its axis kept. */
function at(x: Tensor, t: number): Tensor {
  const begin = x.shape.map((_, axis) => (axis === 1 ? t : 0));
  return slice(
    x,
    begin,
    x.shape.map((size, axis) => (axis === 1 ? 1 : size)),
  );
}

/** `x · weightᵀ` for a weight `[out, in]`. */
function linear(x: Tensor, weight: Tensor): Tensor {
  return onRows(x, (rows) => matMul(rows, weight, false, true));
}

/** The gradient of `linear` for x. */
function throughLinear(dy: Tensor, weight: Tensor): Tensor {
  return onRows(dy, (rows) => matMul(rows, weight));
}

/** The gradient of `linear` for the weight. */
function weightGradient(dy: Tensor, x: Tensor): Tensor {
  return matMul(asRows(dy), asRows(x), true, false);
}

function asRows(x: Tensor): Tensor {
  return reshape(x, [-1, x.shape.at(-1) as number]);
}

function onRows(x: Tensor, map: (rows: Tensor) => Tensor): Tensor {
  const result = map(asRows(x));
  return reshape(result, [...x.shape.slice(0, -1), result.shape[1] as number]);
}
