/**
 * Two programs: dx by rows, then dWeight by columns over what the first one leaves of every row, its scale.
 *
 *     dx        a row is the work of its lanes (parts/rows.ts): two sums, then each lane's entries
 *     dWeight   sixteen columns are the work of a workgroup (parts/column-sums.ts)
 */
import { defineProgram } from "../program.js";
import { columnLanes, columnSums, columnThreads } from "./parts/column-sums.js";
import { lanesOf, ownRow, rowSums, rowThreads } from "./parts/rows.js";

/** `dx = (dy ⊙ weight - n · mean(dy ⊙ weight ⊙ n)) · scale` with the normalised `n = x · scale`; leaves the scales. */
export const rmsNormInputGradientProgram = (size: number) =>
  defineProgram({
    name: "rmsNormGradient/dx",
    variant: `${lanesOf(size)} lanes`,
    buffers: { dy: "in f32", x: "in f32", weight: "in f32", dx: "out f32", scales: "out f32" },
    uniforms: { rows: "u32", size: "u32", epsilon: "f32" },
    threads: rowThreads(size),
    body: () => `${rowSums(size)}
fn run(group: u32, thread: u32) {
  ${ownRow}
  var squares = 0.0;
  var products = 0.0;
  for (var i = start + lane; i < end; i += LANES) {
    squares += x[i] * x[i];
    products += dy[i] * weight[i - start] * x[i];
  }
  let size = f32(uniforms.size);
  let scale = 1.0 / sqrt(sumOverRow(thread, squares) / size + uniforms.epsilon);
  let along = sumOverRow(thread, products) * scale / size;
  for (var i = start + lane; i < end; i += LANES) {
    dx[i] = (dy[i] * weight[i - start] - x[i] * scale * along) * scale;
  }
  if (lane == 0u && row < uniforms.rows) {
    scales[row] = scale;
  }
}
`,
  });

/** `dWeight = Σ_rows dy ⊙ x · scale`. */
export const rmsNormWeightGradientProgram = (rows: number) =>
  defineProgram({
    name: "rmsNormGradient/dWeight",
    variant: `${columnLanes(rows)} lanes`,
    buffers: { dy: "in f32", x: "in f32", scales: "in f32", dWeight: "out f32" },
    uniforms: { rows: "u32", size: "u32" },
    threads: columnThreads(rows),
    body: () => columnSums(rows, "dy[index] * (x[index] * scales[row])", "dWeight"),
  });
