/**
 * How programs add up columns over all rows.
 *
 *     workgroup g:    columns 16 g … 16 g + 15
 *     thread i + 16 l column 16 g + i, rows l, l + 16, l + 32 …     in stretches, so that a long sum stays exact
 *     then a tree over the 16 threads of each column
 */

const COLUMNS = 16;

/** So many rows are the work of one thread for each column. */
const FEW_ROWS = 64;

/** Rows of a thread that are added up by themselves. */
const STRETCH = 32;

/** Workgroups for so many columns. */
export function groupsOfColumns(columns: number): number {
  return Math.ceil(columns / COLUMNS);
}

/** Threads that share the rows of a column. */
export function columnLanes(rows: number): number {
  return rows <= FEW_ROWS ? 1 : 16;
}

/** Threads of a workgroup. */
export function columnThreads(rows: number): number {
  return COLUMNS * columnLanes(rows);
}

/**
 * The whole body. Needs the uniforms `rows` and `size` (columns).
 *
 * @param rows their number, which says how many threads share a column
 * @param term an expression in `row`, `column` and `index`, the entry's place
 * @param output the buffer for the sums
 */
export function columnSums(rows: number, term: string, output: string): string {
  const lanes = columnLanes(rows);
  return `${lanes > 1 ? `\nvar<workgroup> partials: array<f32, ${columnThreads(rows)}>;\n` : ""}
fn run(group: u32, thread: u32) {
  let column = group * ${COLUMNS}u + thread % ${COLUMNS}u;
  let lane = thread / ${COLUMNS}u;
  let end = select(0u, uniforms.rows, column < uniforms.size);
  var total = 0.0;
  var row = lane;
  while (row < end) {
    let stop = min(end, row + ${STRETCH * lanes}u);
    var stretch = 0.0;
    for (; row < stop; row += ${lanes}u) {
      let index = row * uniforms.size + column;
      stretch += ${term};
    }
    total += stretch;
  }
  ${lanes > 1 ? tree(lanes) : ""}
  if (lane == 0u && column < uniforms.size) {
    ${output}[column] = total;
  }
}
`;
}

function tree(lanes: number): string {
  return `partials[thread] = total;
  workgroupBarrier();
  for (var reach = ${lanes / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) {
      partials[thread] += partials[thread + reach * ${COLUMNS}u];
    }
    workgroupBarrier();
  }
  total = partials[thread];`;
}
