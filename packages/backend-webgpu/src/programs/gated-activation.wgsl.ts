/**
 *     thread i:   gate[i], up[i]          → y[i]
 *     thread i:   dy[i], gate[i], up[i]   → dGate[i], dUp[i]
 */
import type { Activation } from "@sst/tensor";
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";
import { numbers } from "./parts/numbers.js";

/** The logistic function of x and of -x, both without an exponential that overflows and without `1 - …`. */
const logistic = `
fn logistic(x: f32) -> vec2<f32> {
  let small = exponential(-abs(x));
  let near = 1.0 / (1.0 + small);
  return select(vec2(near, small * near), vec2(small * near, near), x < 0.0);
}
`;

const CUBIC = 0.044715;
const TWICE_ROOT = 2 * Math.sqrt(2 / Math.PI);

/** Beyond this, float32 knows of no gate that passes in part; and cubes stay finite within. */
const LARGEST_GATE = 16;

/**
 * `shares(gate)`: what an activation passes on of its gate, and what it holds back, as shares that add up to 1; for geluTanh
 * `(1 + tanh(u)) / 2 = sigmoid(2u)`. `slope(gate, shares)`: the derivative of `gate · shares.x`.
 */
export function activationFunctions(activation: Activation): string {
  if (activation === "silu") {
    return `${logistic}
fn shares(gate: f32) -> vec2<f32> {
  return logistic(gate);
}

fn slope(gate: f32, share: vec2<f32>) -> f32 {
  return share.x + gate * share.x * share.y;
}
`;
  }
  return `${logistic}
fn within(gate: f32) -> f32 {
  return select(clamp(gate, -${LARGEST_GATE}.0, ${LARGEST_GATE}.0), gate, isNan(gate));
}

fn shares(gate: f32) -> vec2<f32> {
  let g = within(gate);
  return logistic(g * (${TWICE_ROOT} + ${TWICE_ROOT * CUBIC} * g * g));
}

fn slope(gate: f32, share: vec2<f32>) -> f32 {
  let g = within(gate);
  return share.x + gate * share.x * share.y * (${TWICE_ROOT} + ${3 * TWICE_ROOT * CUBIC} * g * g);
}
`;
}

/** `y = activation(gate) ⊙ up`. */
export const gatedActivationProgram = (activation: Activation) =>
  defineProgram({
    name: "gatedActivation",
    variant: activation,
    buffers: { gate: "in f32", up: "in f32", y: "out f32" },
    uniforms: { count: "u32" },
    threads: ELEMENTS_PER_GROUP,
    body: () => `${numbers}${activationFunctions(activation)}
fn run(group: u32, thread: u32) {
  ${ownElement}
  y[index] = gate[index] * shares(gate[index]).x * up[index];
}
`,
  });

export const gatedActivationGradientProgram = (activation: Activation) =>
  defineProgram({
    name: "gatedActivationGradient",
    variant: activation,
    buffers: { dy: "in f32", gate: "in f32", up: "in f32", dGate: "out f32", dUp: "out f32" },
    uniforms: { count: "u32" },
    threads: ELEMENTS_PER_GROUP,
    body: () => `${numbers}${activationFunctions(activation)}
fn run(group: u32, thread: u32) {
  ${ownElement}
  let share = shares(gate[index]);
  dGate[index] = dy[index] * up[index] * slope(gate[index], share);
  dUp[index] = dy[index] * (gate[index] * share.x);
}
`,
  });
