/**
 *     tokens   [ 7 2 7 ]      thread: one word of one row of y
 *     y        [ row 7 | row 2 | row 7 ]
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** `y[p] = table[tokens[p]]`, rows of `size`. */
export const embeddingLookupProgram = defineProgram({
  name: "embeddingLookup",
  buffers: { table: "in u32", tokens: "in i32", y: "out u32" },
  uniforms: { count: "u32", size: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let token = u32(tokens[index / uniforms.size]);
  y[index] = table[token * uniforms.size + index % uniforms.size];
}
`,
});
