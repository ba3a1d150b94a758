/**
 *     thread i:   gate[i], up[i]          → y[i]
 *     thread i:   dy[i], gate[i], up[i]   → dGate[i], dUp[i]
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";
import { numbers } from "./parts/numbers.js";

/** The logistic function of x and of -x, both without an exponential that overflows and without `1 - …`. */
export const logistic = `
fn logistic(x: f32) -> vec2<f32> {
  let small = exponential(-abs(x));
  let near = 1.0 / (1.0 + small);
  return select(vec2(near, small * near), vec2(small * near, near), x < 0.0);
}
`;

/** `y = silu(gate) ⊙ up`. */
export const gatedActivationProgram = defineProgram({
  name: "gatedActivation",
  buffers: { gate: "in f32", up: "in f32", y: "out f32" },
  uniforms: { count: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `${numbers}${logistic}
fn run(group: u32, thread: u32) {
  ${ownElement}
  y[index] = gate[index] * logistic(gate[index]).x * up[index];
}
`,
});

export const gatedActivationGradientProgram = defineProgram({
  name: "gatedActivationGradient",
  buffers: { dy: "in f32", gate: "in f32", up: "in f32", dGate: "out f32", dUp: "out f32" },
  uniforms: { count: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `${numbers}${logistic}
fn run(group: u32, thread: u32) {
  ${ownElement}
  let share = logistic(gate[index]);
  let silu = gate[index] * share.x;
  dGate[index] = dy[index] * up[index] * (share.x + silu * share.y);
  dUp[index] = dy[index] * silu;
}
`,
});
