/**
 * How programs share rows: a row is the work of 1, 2, 4 … or 256 neighbouring threads, its lanes, by its length alone, so
 * that its bits do not depend on how many rows there are.
 *
 *     workgroup g, 8 lanes to a row:   threads 0 … 7     row 8 g          lane i takes entries i, i + 8, i + 16 …
 *                                      threads 8 … 15    row 8 g + 1
 *                                      …
 */

const LEAST_THREADS = 64;
const MOST_LANES = 256;

/** A lane has more entries than this, before another one is worth its share of the tree. */
const ENTRIES_PER_LANE = 32;

export function lanesOf(rowSize: number): number {
  let lanes = 1;
  while (lanes < MOST_LANES && lanes * ENTRIES_PER_LANE < rowSize) lanes *= 2;
  return lanes;
}

/** Threads of a workgroup. */
export function rowThreads(rowSize: number): number {
  return Math.max(LEAST_THREADS, lanesOf(rowSize));
}

/** Workgroups for so many rows. */
export function groupsOfRows(rows: number, rowSize: number): number {
  return Math.ceil((rows * lanesOf(rowSize)) / rowThreads(rowSize));
}

/** Starts `run`: the thread's `row`, its `lane`, where the row starts, and where it ends: at once for a row too many. */
export const ownRow = `
  let lane = thread % LANES;
  let row = group * ROWS + thread / LANES;
  let start = row * uniforms.size;
  let end = select(0u, start + uniforms.size, row < uniforms.rows);`;

/** `sumOverRow`: what the lanes of a row bring, added up in a tree; every lane gets the sum. All threads take part. */
export function rowSums(rowSize: number, threads = rowThreads(rowSize)): string {
  if (lanesOf(rowSize) === 1) {
    return `${rowLanes(rowSize, threads)}
fn sumOverRow(thread: u32, value: f32) -> f32 {
  return value;
}
`;
  }
  return `${rowLanes(rowSize, threads)}
var<workgroup> partials: array<f32, ${threads}>;

fn sumOverRow(thread: u32, value: f32) -> f32 {
  partials[thread] = value;
  workgroupBarrier();
  for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
    if (thread % LANES < reach) {
      partials[thread] += partials[thread + reach];
    }
    workgroupBarrier();
  }
  let sum = partials[thread - thread % LANES];
  workgroupBarrier();
  return sum;
}
`;
}

/** The constants LANES of a row and ROWS of a workgroup. */
export function rowLanes(rowSize: number, threads = rowThreads(rowSize)): string {
  const lanes = lanesOf(rowSize);
  return `
const LANES = ${lanes}u;
const ROWS = ${threads / lanes}u;`;
}
