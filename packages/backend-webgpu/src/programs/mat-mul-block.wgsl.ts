/**
 * Products of few results. A thread owns a block of two rows by four columns and adds along the depth, term by term in
 * order, whatever the number of rows: nobody waits for anybody, and operands are read through the caches.
 *
 *                       columns
 *                  ┌────┬────┬────┐
 *     rows   0, 1  │ t0 │ t1 │ t2 │      t: thread; threads are counted along the columns first, so that neighbours
 *            2, 3  │ t3 │ t4 │ t5 │      read the same entries of the left operand
 *                  └────┴────┴────┘
 */
import { defineProgram } from "../program.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

export const BLOCK_ROWS = 2;
export const BLOCK_COLUMNS = 4;

/**
 * `y[n] = a[n] · b[n]`, either operand transposed by its strides: entry (row, k) of a lies at `row · aRow + k · aDepth`,
 * entry (k, column) of b at `k · bDepth + column · bColumn`.
 */
export const matMulBlockProgram = defineProgram({
  name: "matMulBlock",
  buffers: { a: "in f32", b: "in f32", y: "out f32" },
  uniforms: {
    /** Blocks in all. */
    count: "u32",
    rows: "u32",
    columns: "u32",
    depth: "u32",
    /** From one matrix of a batch to the next; 0 where one serves all. */
    aBatch: "u32",
    bBatch: "u32",
    aRow: "u32",
    aDepth: "u32",
    bDepth: "u32",
    bColumn: "u32",
  },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let across = (uniforms.columns + ${BLOCK_COLUMNS - 1}u) / ${BLOCK_COLUMNS}u;
  let down = (uniforms.rows + ${BLOCK_ROWS - 1}u) / ${BLOCK_ROWS}u;
  let column = index % across * ${BLOCK_COLUMNS}u;
  let row = index / across % down * ${BLOCK_ROWS}u;
  let matrix = index / across / down;

  // A block that reaches beyond the edge computes the last row or column several times and writes it once.
  let lastRow = uniforms.rows - 1u;
  let lastColumn = uniforms.columns - 1u;
  let columns = min(vec4(column, column + 1u, column + 2u, column + 3u), vec4(lastColumn));
  let left = vec2(matrix * uniforms.aBatch) + vec2(row, min(row + 1u, lastRow)) * uniforms.aRow;
  let right = vec4(matrix * uniforms.bBatch) + columns * uniforms.bColumn;
  var sums = array(vec4(0.0, 0.0, 0.0, 0.0), vec4(0.0, 0.0, 0.0, 0.0));
  for (var k = 0u; k < uniforms.depth; k++) {
    let at = right + k * uniforms.bDepth;
    let entries = vec4(b[at.x], b[at.y], b[at.z], b[at.w]);
    sums[0] += a[left.x + k * uniforms.aDepth] * entries;
    sums[1] += a[left.y + k * uniforms.aDepth] * entries;
  }

  let to = (matrix * uniforms.rows + row) * uniforms.columns + column;
  for (var i = 0u; i < ${BLOCK_ROWS}u; i++) {
    for (var j = 0u; j < ${BLOCK_COLUMNS}u; j++) {
      if (row + i <= lastRow && column + j <= lastColumn) {
        y[to + i * uniforms.columns + j] = sums[i][j];
      }
    }
  }
}
`,
});
