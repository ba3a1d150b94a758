/**
 * How programs add up columns over all rows.
 *
 *     workgroup g:    columns 16 g … 16 g + 15
 *     thread i + 16 l column 16 g + i, rows l, l + 16, l + 32 …     in stretches, so that a long sum stays exact
 *     then a tree over the 16 threads of each column
 */

const COLUMNS = 16;
const LANES = 16;

/** Rows of a thread that are added up by themselves. */
const STRETCH = 32;

/** Workgroups for so many columns. */
export function groupsOfColumns(columns: number): number {
  return Math.ceil(columns / COLUMNS);
}

export const COLUMN_THREADS = COLUMNS * LANES;

/**
 * The whole body. Needs the uniforms `rows` and `size` (columns).
 *
 * @param term an expression in `row`, `column` and `index`, the entry's place
 * @param output the buffer for the sums
 */
export function columnSums(term: string, output: string): string {
  return `
var<workgroup> partials: array<f32, ${COLUMN_THREADS}>;

fn run(group: u32, thread: u32) {
  let column = group * ${COLUMNS}u + thread % ${COLUMNS}u;
  let lane = thread / ${COLUMNS}u;
  let end = select(0u, uniforms.rows, column < uniforms.size);
  var total = 0.0;
  var row = lane;
  while (row < end) {
    let stop = min(end, row + ${STRETCH * LANES}u);
    var stretch = 0.0;
    for (; row < stop; row += ${LANES}u) {
      let index = row * uniforms.size + column;
      stretch += ${term};
    }
    total += stretch;
  }
  partials[thread] = total;
  workgroupBarrier();
  for (var reach = ${LANES / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) {
      partials[thread] += partials[thread + reach * ${COLUMNS}u];
    }
    workgroupBarrier();
  }
  if (lane == 0u && column < uniforms.size) {
    ${output}[column] = partials[thread];
  }
}
`;
}
