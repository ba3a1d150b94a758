/**
 *     row    x x x x x x x x     lanes add up x² over their entries, then in a tree
 *            └─ lanes ─────┘     and each scales its own entries
 */
import { defineProgram } from "../program.js";
import { lanesOf, ownRow, rowSums, rowThreads } from "./parts/rows.js";

/** `y = x / sqrt(mean(x²) + epsilon) ⊙ weight`, for rows of `size`. */
export const rmsNormProgram = (size: number) =>
  defineProgram({
    name: "rmsNorm",
    variant: `${lanesOf(size)} lanes`,
    buffers: { x: "in f32", weight: "in f32", y: "out f32" },
    uniforms: { rows: "u32", size: "u32", epsilon: "f32" },
    threads: rowThreads(size),
    body: () => `${rowSums(size)}
fn run(group: u32, thread: u32) {
  ${ownRow}
  var squares = 0.0;
  for (var i = start + lane; i < end; i += LANES) {
    squares += x[i] * x[i];
  }
  let scale = 1.0 / sqrt(sumOverRow(thread, squares) / f32(uniforms.size) + uniforms.epsilon);
  for (var i = start + lane; i < end; i += LANES) {
    y[i] = x[i] * scale * weight[i - start];
  }
}
`,
  });
