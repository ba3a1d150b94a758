/**
 * The state stream's recurrence through one feed-forward network, solved exactly (`state-stream` section 2,
 * `sequential`): time dependent steps on `[batch, hiddenSize]`, and backpropagation through time.
 *
 *     h_t = (1 - alpha) ⊙ a_t + alpha ⊙ s_{t-1}        s_{-1} = initial; h_t = a_t where keep_t is 0
 *     y_t = h_t + down · (act(gate · n_t) ⊙ (up · n_t)),  n_t = rmsNorm(h_t)
 *     s_t = y_t
 *
 * With an `outNormWeight` what comes out of the network is normed before it is added, as in Gemma: `y_t = h_t + rmsNorm(down · …)`.
 *
 * Only the chain itself is sequential. The backward pass computes everything that does not depend on the chain for all
 * positions at once, and the gradients of the weights are plain matrix products over what the chain leaves.
 */
import { add, concat, expandDims, matMul, mul, reshape, slice, squeeze, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { activation, gatedActivation, gatedActivationGradient } from "./gated-activation.js";
import { rmsNorm, rmsNormGradient } from "./rms-norm.js";
import { stateBlend, stateBlendGradient } from "./state-blend.js";

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
  outNormWeight: { shape: ["hiddenSize"], optional: true },
} as const;

const attributes = { epsilon: { kind: "real", minimum: 0 }, activation } as const;

/** All states (and layer outputs) y `[batch, time, hiddenSize]` of one layer. */
export const stateRecurrence = defineKernel({
  name: "stateRecurrence",
  summary: "the exact recurrence of blend and feed-forward network over time",
  inputs,
  outputs: { y: sequence },
  attributes,
  tolerance: 2e-5,
  compose: ({ a, alpha, keep, initial, normWeight, gate, up, down, outNormWeight }, { epsilon, activation }) => {
    const states: Tensor[] = [];
    let state = expandDims(initial, 1);
    for (let t = 0; t < timeOf(a); t++) {
      const h = stateBlend({ a: at(a, t), state, alpha, keep: at(keep, t) }, {}).h;
      const n = rmsNorm({ x: h, weight: normWeight }, { epsilon }).y;
      const activated = gatedActivation({ gate: linear(n, gate), up: linear(n, up) }, { activation }).y;
      const branch = linear(activated, down);
      state = add(h, outNormWeight ? rmsNorm({ x: branch, weight: outNormWeight }, { epsilon }).y : branch);
      states.push(state);
    }
    return { y: concat(states, 1) };
  },
  gradient: {
    saves: ["a", "alpha", "keep", "initial", "normWeight", "gate", "up", "down", "outNormWeight", "y"],
    tolerance: 5e-5,
    compute: ({ y: dy }, saved, { epsilon, activation }) => {
      const { a, alpha, keep, initial, normWeight, gate, up, down, outNormWeight, y } = saved;
      const chain = stateRecurrenceGradient({ dy, ...saved }, { epsilon, activation });
      const previous = statesBefore(initial, y);
      const h = stateBlend({ a, state: previous, alpha, keep }, {}).h;
      const n = rmsNorm({ x: h, weight: normWeight }, { epsilon }).y;
      const blend = stateBlendGradient({ dh: chain.dh, a, state: previous, alpha, keep }, {});
      const out = throughOutNorm(chain.dTotal, () => linear(chain.activation, down), outNormWeight, epsilon);
      return {
        a: () => blend.da,
        initial: () => squeeze(at(blend.dState, 0), [1]),
        alpha: () => blend.dAlpha,
        normWeight: () => {
          const dn = add(throughLinear(chain.dGate, gate), throughLinear(chain.dUp, up));
          return rmsNormGradient({ dy: dn, x: h, weight: normWeight }, { epsilon }).dWeight;
        },
        gate: () => weightGradient(chain.dGate, n),
        up: () => weightGradient(chain.dUp, n),
        down: () => weightGradient(out.dBranch, chain.activation),
        ...(outNormWeight && { outNormWeight: () => out.dWeight as Tensor }),
      };
    },
  },
});

/**
 * The part of the gradient that runs backwards through time: `dTotal` (of y_t, with what later positions send back),
 * `dh`, `dGate` and `dUp` (before the activation), and the activation, which the gradient of `down` needs.
 */
export const stateRecurrenceGradient = defineKernel({
  name: "stateRecurrenceGradient",
  summary: "the chain of stateRecurrence's gradient, backwards through time",
  inputs: { dy: sequence, ...inputs, y: sequence },
  outputs: { dh: sequence, dTotal: sequence, dGate: wide, dUp: wide, activation: wide },
  attributes,
  tolerance: 2e-5,
  compose: ({ dy, a, alpha, keep, initial, normWeight, gate, up, down, outNormWeight, y }, { epsilon, activation }) => {
    const h = stateBlend({ a, state: statesBefore(initial, y), alpha, keep }, {}).h;
    const n = rmsNorm({ x: h, weight: normWeight }, { epsilon }).y;
    const gates = linear(n, gate);
    const ups = linear(n, up);
    const activated = gatedActivation({ gate: gates, up: ups }, { activation }).y;
    const branches = outNormWeight && linear(activated, down);
    const share = mul(expandDims(keep, -1), alpha);
    const steps: Record<"dh" | "dTotal" | "dGate" | "dUp", Tensor>[] = [];
    let carried: Tensor | undefined;
    for (let t = timeOf(a) - 1; t >= 0; t--) {
      const own = at(dy, t);
      const dTotal: Tensor = carried === undefined ? own : add(own, carried);
      const { dBranch } = throughOutNorm(dTotal, () => at(branches as Tensor, t), outNormWeight, epsilon);
      const before = { dy: throughLinear(dBranch, down), gate: at(gates, t), up: at(ups, t) };
      const { dGate, dUp } = gatedActivationGradient(before, { activation });
      const dn = add(throughLinear(dGate, gate), throughLinear(dUp, up));
      const dNormed = rmsNormGradient({ dy: dn, x: at(h, t), weight: normWeight }, { epsilon }).dx;
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
      activation: activated,
    };
  },
});

function timeOf(x: Tensor): number {
  return x.shape[1] as number;
}

/** The states that each position blends in: the initial one, then every state but the last. */
function statesBefore(initial: Tensor, y: Tensor): Tensor {
  const [batch, time, hiddenSize] = y.shape as [number, number, number];
  const first = expandDims(initial, 1);
  // Nothing is cut out of a single position: a plan with an empty tensor in it is not compiled.
  return time === 1 ? first : concat([first, slice(y, [0, 0, 0], [batch, time - 1, hiddenSize])], 1);
}

/** The gradients for what the norm behind the network is given, and for its weight; without a weight there is no such norm. */
function throughOutNorm(dy: Tensor, branch: () => Tensor, weight: Tensor | undefined, epsilon: number) {
  if (weight === undefined) return { dBranch: dy };
  const { dx, dWeight } = rmsNormGradient({ dy, x: branch(), weight }, { epsilon });
  return { dBranch: dx, dWeight };
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
