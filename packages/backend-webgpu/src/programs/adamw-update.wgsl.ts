/**
 *     thread i:   gradient[i], scale[0]   parameter[i], m[i], v[i]  → in place
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";
import { numbers } from "./parts/numbers.js";

/**
 * One step; none where the scale is not finite. What depends on the step's number and rates alone comes in computed:
 * `decay = 1 - rate · weightDecay`, `correction_i = 1 - beta_i ^ step`, `newness_i = 1 - beta_i`.
 */
export const adamwUpdateProgram = defineProgram({
  name: "adamwUpdate",
  buffers: { gradient: "in f32", scale: "in f32", parameter: "out f32", m: "out f32", v: "out f32" },
  uniforms: {
    count: "u32",
    rate: "f32",
    decay: "f32",
    beta1: "f32",
    beta2: "f32",
    newness1: "f32",
    newness2: "f32",
    correction1: "f32",
    correction2: "f32",
    epsilon: "f32",
  },
  threads: ELEMENTS_PER_GROUP,
  body: () => `${numbers}
fn run(group: u32, thread: u32) {
  ${ownElement}
  if (!isFinite(scale[0])) {
    return;
  }
  let slope = gradient[index] * scale[0];
  let first = m[index] * uniforms.beta1 + slope * uniforms.newness1;
  let second = v[index] * uniforms.beta2 + slope * slope * uniforms.newness2;
  let direction = first / uniforms.correction1 / (sqrt(second / uniforms.correction2) + uniforms.epsilon);
  parameter[index] = parameter[index] * uniforms.decay - direction * uniforms.rate;
  m[index] = first;
  v[index] = second;
}
`,
});
