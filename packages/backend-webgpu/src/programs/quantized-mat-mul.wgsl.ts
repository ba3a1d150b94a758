/**
 * `y = x · weightᵀ`, in two programs that add up in the same order, so that a row of x has the same bits alone and among
 * many. A block's 32 products are added up first; blocks b, b + 8, b + 16 … make one of eight sums; those make a tree.
 *
 * Few rows: eight threads to an output, which reads its weights once for all rows.
 *
 *     weight row     │ block 0 │ block 1 │ … │ block 7 │ block 8 │ …      thread l of the eight: blocks l, l + 8 …
 *
 * Many rows: a workgroup has sixteen rows and sixteen outputs, and unpacks one block of each output into workgroup memory.
 *
 *                out 0 … 15
 *     row 0     ┌──────────┐     thread (slot, lane) = (thread div 4, thread mod 4) has row `slot`
 *           …   │    y     │     and outputs lane, lane + 4, lane + 8, lane + 12, eight sums each
 *     row 15    └──────────┘
 */
import type { WeightFormat } from "@sst/tensor";
import { defineProgram } from "../program.js";
import { BLOCK, packedBuffers, packedHalvesBuffers, packedWeights } from "./parts/packed-weights.js";

/** Sums of an output. */
const SUMS = 8;

/** Threads of a workgroup. */
const THREADS = 64;

/** Outputs of a workgroup where there are few rows. */
const FEW_OUTPUTS = THREADS / SUMS;

/** So many rows are few. */
export const FEW_ROWS = 4;

/** Rows, and outputs, of a workgroup where there are many. */
const TILE = 16;
const LANES = THREADS / TILE;

/** One more than a block, so that rows start in different banks. */
const STRIDE = BLOCK + 1;

const uniforms = { rows: "u32", inSize: "u32", outSize: "u32", wordsPerRow: "u32", blocks: "u32" } as const;

export function groupsOfFewRows(outSize: number): number {
  return Math.ceil(outSize / FEW_OUTPUTS);
}

export function groupsOfManyRows(rows: number, outSize: number): number {
  return Math.ceil(rows / TILE) * Math.ceil(outSize / TILE);
}

/** For exactly so many rows, at most `FEW_ROWS`. */
export const quantizedMatMulFewRowsProgram = (format: Exclude<WeightFormat, "f16">, rows: number) =>
  defineProgram({
    ...fewRows(format, rows),
    buffers: { x: "in f32", ...packedBuffers, y: "out f32" },
  });

export const halvesMatMulFewRowsProgram = (rows: number) =>
  defineProgram({
    ...fewRows("f16", rows),
    buffers: { x: "in f32", ...packedHalvesBuffers, y: "out f32" },
  });

export const quantizedMatMulProgram = (format: Exclude<WeightFormat, "f16">) =>
  defineProgram({
    ...manyRows(format),
    buffers: { x: "in f32", ...packedBuffers, y: "out f32" },
  });

export const halvesMatMulProgram = defineProgram({
  ...manyRows("f16"),
  buffers: { x: "in f32", ...packedHalvesBuffers, y: "out f32" },
});

function fewRows(format: WeightFormat, rows: number) {
  return {
    name: "quantizedMatMul/few rows",
    variant: `${format}, ${rows} rows`,
    uniforms,
    threads: THREADS,
    body: () => `${packedWeights(format)}
const ROWS = ${rows}u;
var<workgroup> partials: array<f32, ${THREADS * rows}>;

fn run(group: u32, thread: u32) {
  let lane = thread % ${SUMS}u;
  let output = group * ${FEW_OUTPUTS}u + thread / ${SUMS}u;
  let end = select(0u, uniforms.blocks, output < uniforms.outSize);
  var sums: array<f32, ${rows}>;
  for (var block = lane; block < end; block += ${SUMS}u) {
    let first = block * ${BLOCK}u;
    let entries = min(${BLOCK}u, uniforms.inSize - first);
    // Written out: without a value, SwiftShader keeps the one of the block before.
    var products = array<f32, ${rows}>();
    for (var i = 0u; i < entries; i += ENTRIES_PER_WORD) {
      let word = wordOf(output, block, i / ENTRIES_PER_WORD);
      for (var n = 0u; n < ENTRIES_PER_WORD && i + n < entries; n++) {
        let weight = entryOf(word, n);
        for (var row = 0u; row < ROWS; row++) {
          products[row] = fma(x[row * uniforms.inSize + first + i + n], weight, products[row]);
        }
      }
    }
    let scale = scaleOf(output, block);
    for (var row = 0u; row < ROWS; row++) {
      sums[row] = fma(scale, products[row], sums[row]);
    }
  }
  for (var row = 0u; row < ROWS; row++) {
    partials[row * ${THREADS}u + thread] = sums[row];
  }
  workgroupBarrier();
  for (var reach = ${SUMS / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) {
      for (var row = 0u; row < ROWS; row++) {
        partials[row * ${THREADS}u + thread] += partials[row * ${THREADS}u + thread + reach];
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u && output < uniforms.outSize) {
    for (var row = 0u; row < ROWS; row++) {
      y[row * uniforms.outSize + output] = partials[row * ${THREADS}u + thread];
    }
  }
}
`,
  };
}

function manyRows(format: WeightFormat) {
  const weightOf = (n: number) => `weights[(lane + ${n * LANES}u) * ${STRIDE}u + i]`;
  const scaleOf = (n: number) => `factors[lane + ${n * LANES}u]`;
  const four = (each: (n: number) => string) => `vec4(${[0, 1, 2, 3].map(each).join(", ")})`;
  return {
    name: "quantizedMatMul",
    variant: format,
    uniforms,
    threads: THREADS,
    body: () => `${packedWeights(format)}
var<workgroup> entries: array<f32, ${TILE * STRIDE}>;
var<workgroup> weights: array<f32, ${TILE * STRIDE}>;
var<workgroup> factors: array<f32, ${TILE}>;

fn loadTile(block: u32, firstRow: u32, firstOutput: u32, thread: u32) {
  for (var entry = thread; entry < ${TILE * BLOCK}u; entry += ${THREADS}u) {
    let row = firstRow + entry / ${BLOCK}u;
    let i = block * ${BLOCK}u + entry % ${BLOCK}u;
    var value = 0.0;
    if (row < uniforms.rows && i < uniforms.inSize) {
      value = x[row * uniforms.inSize + i];
    }
    entries[entry / ${BLOCK}u * ${STRIDE}u + entry % ${BLOCK}u] = value;
  }
  for (var n = thread; n < ${TILE}u * WORDS_PER_BLOCK; n += ${THREADS}u) {
    let output = n / WORDS_PER_BLOCK;
    let place = n % WORDS_PER_BLOCK;
    var word = 0;
    if (firstOutput + output < uniforms.outSize) {
      word = wordOf(firstOutput + output, block, place);
    }
    for (var i = 0u; i < ENTRIES_PER_WORD; i++) {
      weights[output * ${STRIDE}u + place * ENTRIES_PER_WORD + i] = entryOf(word, i);
    }
  }
  if (thread < ${TILE}u && firstOutput + thread < uniforms.outSize) {
    factors[thread] = scaleOf(firstOutput + thread, block);
  }
}

fn run(group: u32, thread: u32) {
  let rowTiles = (uniforms.rows + ${TILE - 1}u) / ${TILE}u;
  let firstRow = (group % rowTiles) * ${TILE}u;
  let firstOutput = (group / rowTiles) * ${TILE}u;
  let slot = thread / ${LANES}u;
  let lane = thread % ${LANES}u;
  var sums: array<vec4<f32>, ${SUMS}>;
  for (var block = 0u; block < uniforms.blocks; block++) {
    loadTile(block, firstRow, firstOutput, thread);
    workgroupBarrier();
    var products = vec4(0.0, 0.0, 0.0, 0.0);
    for (var i = 0u; i < ${BLOCK}u; i++) {
      products = fma(vec4(entries[slot * ${STRIDE}u + i]), ${four(weightOf)}, products);
    }
    sums[block % ${SUMS}u] = fma(${four(scaleOf)}, products, sums[block % ${SUMS}u]);
    workgroupBarrier();
  }
  let even = (sums[0] + sums[4]) + (sums[2] + sums[6]);
  let odd = (sums[1] + sums[5]) + (sums[3] + sums[7]);
  let total = even + odd;
  for (var n = 0u; n < 4u; n++) {
    let output = firstOutput + lane + n * ${LANES}u;
    if (firstRow + slot < uniforms.rows && output < uniforms.outSize) {
      y[(firstRow + slot) * uniforms.outSize + output] = total[n];
    }
  }
}
`,
  };
}
