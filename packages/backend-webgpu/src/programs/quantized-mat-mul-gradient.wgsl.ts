/**
 * `dx = dy · weight`. A workgroup has sixteen rows and one block of 32 columns, and goes through the outputs sixteen at a
 * time: their blocks are unpacked into workgroup memory.
 *
 *              column 0 … 31
 *     row 0     ┌──────────┐     thread (slot, lane) = (thread div 4, thread mod 4) has row `slot`
 *           …   │    dx    │     and columns 8 · lane … 8 · lane + 7
 *     row 15    └──────────┘
 */
import type { WeightFormat } from "@sst/tensor";
import { defineProgram } from "../program.js";
import { BLOCK, packedBuffers, packedHalvesBuffers, packedWeights } from "./parts/packed-weights.js";

/** Rows of a workgroup, and outputs that it takes in at a time. */
const TILE = 16;
const THREADS = 64;
const LANES = THREADS / TILE;

/** Columns of a thread. */
const COLUMNS = BLOCK / LANES;

const uniforms = { rows: "u32", inSize: "u32", outSize: "u32", wordsPerRow: "u32", blocks: "u32" } as const;

export function groupsOfInputs(rows: number, inSize: number): number {
  return Math.ceil(rows / TILE) * Math.ceil(inSize / BLOCK);
}

export const quantizedMatMulGradientProgram = (format: Exclude<WeightFormat, "f16">) =>
  defineProgram({
    ...program(format),
    buffers: { dy: "in f32", ...packedBuffers, dx: "out f32" },
  });

export const halvesMatMulGradientProgram = defineProgram({
  ...program("f16"),
  buffers: { dy: "in f32", ...packedHalvesBuffers, dx: "out f32" },
});

function program(format: WeightFormat) {
  return {
    name: "quantizedMatMulGradient",
    variant: format,
    uniforms,
    threads: THREADS,
    body: () => `${packedWeights(format)}
var<workgroup> entries: array<f32, ${TILE * (TILE + 1)}>;
var<workgroup> weights: array<f32, ${TILE * BLOCK}>;

fn loadTile(firstOutput: u32, firstRow: u32, block: u32, thread: u32) {
  for (var entry = thread; entry < ${TILE * TILE}u; entry += ${THREADS}u) {
    let row = firstRow + entry / ${TILE}u;
    let output = firstOutput + entry % ${TILE}u;
    var value = 0.0;
    if (row < uniforms.rows && output < uniforms.outSize) {
      value = dy[row * uniforms.outSize + output];
    }
    entries[entry / ${TILE}u * ${TILE + 1}u + entry % ${TILE}u] = value;
  }
  for (var n = thread; n < ${TILE}u * WORDS_PER_BLOCK; n += ${THREADS}u) {
    let output = n / WORDS_PER_BLOCK;
    let place = n % WORDS_PER_BLOCK;
    var word = 0;
    var scale = 0.0;
    if (firstOutput + output < uniforms.outSize) {
      word = wordOf(firstOutput + output, block, place);
      scale = scaleOf(firstOutput + output, block);
    }
    for (var i = 0u; i < ENTRIES_PER_WORD; i++) {
      weights[output * ${BLOCK}u + place * ENTRIES_PER_WORD + i] = entryOf(word, i) * scale;
    }
  }
}

fn run(group: u32, thread: u32) {
  let firstRow = (group / uniforms.blocks) * ${TILE}u;
  let block = group % uniforms.blocks;
  let row = firstRow + thread / ${LANES}u;
  let slot = (thread / ${LANES}u) * ${TILE + 1}u;
  let column = (thread % ${LANES}u) * ${COLUMNS}u;
  var totals: array<f32, ${COLUMNS}>;
  for (var tile = 0u; tile < uniforms.outSize; tile += ${TILE}u) {
    loadTile(tile, firstRow, block, thread);
    workgroupBarrier();
    // Written out: without a value, SwiftShader keeps the one of the tile before.
    var sums = array<f32, ${COLUMNS}>();
    for (var output = 0u; output < ${TILE}u; output++) {
      let factor = entries[slot + output];
      for (var i = 0u; i < ${COLUMNS}u; i++) {
        sums[i] = fma(factor, weights[output * ${BLOCK}u + column + i], sums[i]);
      }
    }
    for (var i = 0u; i < ${COLUMNS}u; i++) {
      totals[i] += sums[i];
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < ${COLUMNS}u; i++) {
    let place = block * ${BLOCK}u + column + i;
    if (row < uniforms.rows && place < uniforms.inSize) {
      dx[row * uniforms.inSize + place] = totals[i];
    }
  }
}
`,
  };
}
