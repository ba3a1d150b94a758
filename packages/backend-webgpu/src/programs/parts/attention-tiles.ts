/**
 * Sixteen queries of a key head meet sixteen keys at a time.
 *
 *               key 0 … 15
 *     query 0   ┌────────┐     thread (slot, lane) = (thread div 4, thread mod 4) has the products of query `slot` and
 *           …   │ scores │     keys lane, lane + 4, lane + 8, lane + 12; entries come through workgroup memory, up to 32
 *     query 15  └────────┘     of each row at a time
 *
 * After that the four threads of a slot share out the head's dimensions: lane, lane + 4, lane + 8 …
 */
import type { HeadSize } from "./attention-keys.js";

/** Queries, and keys, of a tile. */
export const TILE = 16;

/** Threads of a slot; each has four products. */
export const LANES = 4;

export const TILE_THREADS = TILE * LANES;

/** Entries of a row that are in workgroup memory at a time, at most. */
const SLICE = 32;

/** Workgroups for so many query rows of each of so many key heads. */
export function groupsOfTiles(keyHeads: number, rows: number): number {
  return keyHeads * Math.ceil(rows / TILE);
}

/** Dimensions of a lane. */
export function dimensionsPerLane({ most }: HeadSize): number {
  return most / LANES;
}

/** Starts `run`: places the workgroup and the thread. `rows` is the number of rows of a key head, in tiles. */
export function ownTile(rows: string): string {
  return `
  let tiles = (${rows} + ${TILE - 1}u) / ${TILE}u;
  let firstRow = (group % tiles) * ${TILE}u;
  keyHead = (group / tiles) % uniforms.keyHeads;
  batch = group / tiles / uniforms.keyHeads;
  let slot = thread / ${LANES}u;
  let lane = thread % ${LANES}u;`;
}

/**
 * `fn <name>(firstLeft, firstRight, thread)`: the products of left row `firstLeft + slot` and the right rows
 * `firstRight + lane + 4 n`. All threads take part.
 *
 * @param left, right bodies that return the entry `i` of a `row`; 0 where there is no such row
 */
export function tileProduct(name: string, head: HeadSize, left: string, right: string): string {
  const slice = Math.min(SLICE, head.most);
  // One more, so that the rows start in different banks.
  const stride = slice + 1;
  const rightRow = (n: number) => `${name}Right[right + ${n * LANES * stride}u + i]`;
  return `
var<workgroup> ${name}Left: array<f32, ${TILE * stride}>;
var<workgroup> ${name}Right: array<f32, ${TILE * stride}>;

fn ${name}EntryLeft(row: u32, i: u32) -> f32 {
  ${left}
}

fn ${name}EntryRight(row: u32, i: u32) -> f32 {
  ${right}
}

fn ${name}(firstLeft: u32, firstRight: u32, thread: u32) -> vec4<f32> {
  let left = (thread / ${LANES}u) * ${stride}u;
  let right = (thread % ${LANES}u) * ${stride}u;
  var products = vec4(0.0, 0.0, 0.0, 0.0);
  for (var slice = 0u; slice < uniforms.headDim; slice += ${slice}u) {
    for (var entry = thread; entry < ${TILE * slice}u; entry += ${TILE_THREADS}u) {
      let row = entry / ${slice}u;
      let i = entry % ${slice}u;
      var leftEntry = 0.0;
      var rightEntry = 0.0;
      if (slice + i < uniforms.headDim) {
        leftEntry = ${name}EntryLeft(firstLeft + row, slice + i);
        rightEntry = ${name}EntryRight(firstRight + row, slice + i);
      }
      ${name}Left[row * ${stride}u + i] = leftEntry;
      ${name}Right[row * ${stride}u + i] = rightEntry;
    }
    workgroupBarrier();
    for (var i = 0u; i < ${slice}u; i++) {
      let factor = vec4(${name}Left[left + i]);
      products = fma(factor, vec4(${[0, 1, 2, 3].map(rightRow).join(", ")}), products);
    }
    workgroupBarrier();
  }
  return products;
}
`;
}

/** `fn sumOverSlot(thread, value)`: what the threads of a slot bring, added up in order; each gets the sum. All take part. */
export const slotSums = `
var<workgroup> slotPartials: array<f32, ${TILE_THREADS}>;

fn sumOverSlot(thread: u32, value: f32) -> f32 {
  slotPartials[thread] = value;
  workgroupBarrier();
  let first = thread - thread % ${LANES}u;
  var sum = 0.0;
  for (var i = 0u; i < ${LANES}u; i++) {
    sum += slotPartials[first + i];
  }
  workgroupBarrier();
  return sum;
}
`;

/** Statements for each of a thread's dimensions, as `n` of its own and as `i` of the head. */
export function forOwnDimensions(head: HeadSize, statements: string): string {
  return `
    for (var n = 0u; n < ${dimensionsPerLane(head)}u; n++) {
      let i = lane + n * ${LANES}u;
      ${head.isExact ? statements : `if (i < uniforms.headDim) {\n        ${statements}\n      }`}
    }`;
}
