/**
 * Sixteen queries of a key head meet sixteen keys at a time.
 *
 *               key 0 … 15
 *     query 0   ┌────────┐     thread (slot, lane) = (thread div 16, thread mod 16) has the product of query `slot` and
 *           …   │ scores │     key `lane`; entries come through workgroup memory, 32 of each row at a time
 *     query 15  └────────┘
 *
 * After that the sixteen threads of a slot share out the head's dimensions: lane, lane + 16, lane + 32 …
 */

/** Queries, and keys, of a tile. */
export const TILE = 16;

export const TILE_THREADS = TILE * TILE;

/** Entries of a row that are in workgroup memory at a time. */
const SLICE = 32;

/** One more, so that the sixteen lanes' rows start in different banks. */
const STRIDE = SLICE + 1;

/** Workgroups for so many query rows of each of so many key heads. */
export function groupsOfTiles(keyHeads: number, rows: number): number {
  return keyHeads * Math.ceil(rows / TILE);
}

/** Dimensions of a lane. */
export function dimensionsPerLane(headDim: number): number {
  return Math.ceil(headDim / TILE);
}

/** Starts `run`: places the workgroup and the thread. `rows` is the number of rows of a key head, in tiles. */
export function ownTile(rows: string): string {
  return `
  let tiles = (${rows} + ${TILE - 1}u) / ${TILE}u;
  let firstRow = (group % tiles) * ${TILE}u;
  keyHead = (group / tiles) % uniforms.keyHeads;
  batch = group / tiles / uniforms.keyHeads;
  let slot = thread / ${TILE}u;
  let lane = thread % ${TILE}u;`;
}

/**
 * `fn <name>(firstLeft, firstRight, thread)`: the product of left row `firstLeft + slot` and right row `firstRight + lane`.
 * All threads take part.
 *
 * @param left, right expressions in `row` and `i` for an entry; 0 where there is no such row
 */
export function tileProduct(name: string, left: string, right: string): string {
  return `
var<workgroup> ${name}Left: array<f32, ${TILE * STRIDE}>;
var<workgroup> ${name}Right: array<f32, ${TILE * STRIDE}>;

fn ${name}EntryLeft(row: u32, i: u32) -> f32 {
  ${left}
}

fn ${name}EntryRight(row: u32, i: u32) -> f32 {
  ${right}
}

fn ${name}(firstLeft: u32, firstRight: u32, thread: u32) -> f32 {
  let left = (thread / ${TILE}u) * ${STRIDE}u;
  let right = (thread % ${TILE}u) * ${STRIDE}u;
  var product = 0.0;
  for (var slice = 0u; slice < HEAD_DIM; slice += ${SLICE}u) {
    for (var entry = thread; entry < ${TILE * SLICE}u; entry += ${TILE_THREADS}u) {
      let row = entry / ${SLICE}u;
      let i = entry % ${SLICE}u;
      var leftEntry = 0.0;
      var rightEntry = 0.0;
      if (slice + i < HEAD_DIM) {
        leftEntry = ${name}EntryLeft(firstLeft + row, slice + i);
        rightEntry = ${name}EntryRight(firstRight + row, slice + i);
      }
      ${name}Left[row * ${STRIDE}u + i] = leftEntry;
      ${name}Right[row * ${STRIDE}u + i] = rightEntry;
    }
    workgroupBarrier();
    for (var i = 0u; i < ${SLICE}u; i++) {
      product = fma(${name}Left[left + i], ${name}Right[right + i], product);
    }
    workgroupBarrier();
  }
  return product;
}
`;
}

/**
 * `fn sumOverSlot(thread, value)`: what the sixteen threads of a slot bring, added up in order; each gets the sum. All
 * threads take part.
 */
export const slotSums = `
var<workgroup> slotPartials: array<f32, ${TILE_THREADS}>;

fn sumOverSlot(thread: u32, value: f32) -> f32 {
  slotPartials[thread] = value;
  workgroupBarrier();
  let first = thread - thread % ${TILE}u;
  var sum = 0.0;
  for (var i = 0u; i < ${TILE}u; i++) {
    sum += slotPartials[first + i];
  }
  workgroupBarrier();
  return sum;
}
`;
