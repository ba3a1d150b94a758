/**
 *     thread i:   a[i], state[i], alpha[i mod hiddenSize], keep[i div hiddenSize]   → h[i]
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** `h = (1 - alpha) ⊙ a + alpha ⊙ state` where keep is 1, a where it is 0; a itself, bit for bit, where alpha is 0. */
export const stateBlendProgram = defineProgram({
  name: "stateBlend",
  buffers: { a: "in f32", state: "in f32", alpha: "in f32", keep: "in f32", h: "out f32" },
  uniforms: { count: "u32", size: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let share = alpha[index % uniforms.size];
  let blended = (1.0 - share) * a[index] + share * state[index];
  h[index] = select(a[index], blended, keep[index / uniforms.size] > 0.0);
}
`,
});
