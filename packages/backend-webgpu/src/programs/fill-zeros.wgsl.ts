/**
 *     thread i:   0 → values[i]
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** Buffers that come from the engine hold what was in them last. */
export const fillZerosProgram = defineProgram({
  name: "fillZeros",
  buffers: { values: "out f32" },
  uniforms: { count: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  values[index] = 0.0;
}
`,
});
