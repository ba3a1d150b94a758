/**
 * Rows of floats rounded to 8 bits in blocks of 32, as floats (see `integerMatMul` of @sst/tensor); a thread has a block.
 *
 * A device's own division may be two units off, which would now and then round an entry to the next integer: so the quotient
 * is put right. As whole numbers, with 24 bits of mantissa each, quotient · peak is to come as close as it can to 127 · 2^n, with
 * n above 32; what it misses that by is a small number, and the lowest 32 bits say which.
 */
import { defineProgram } from "../program.js";
import { BLOCK } from "./parts/packed-weights.js";

const THREADS = 64;

export function groupsOfBlocks(blocks: number): number {
  return Math.ceil(blocks / THREADS);
}

/** `rounded` is like x; `blocks` are those of a row. */
export const roundActivationsProgram = defineProgram({
  name: "roundActivations",
  buffers: { x: "in f32", rounded: "out f32" },
  uniforms: { rows: "u32", inSize: "u32", blocks: "u32" },
  threads: THREADS,
  body: () => `
const LARGEST = 127.0;
const SMALLEST_PEAK = 0x1p-110f;

fn inverseOf(peak: f32) -> f32 {
  let quotient = bitcast<u32>(LARGEST / peak);
  let divisor = (bitcast<u32>(peak) & 0x7fffffu) | 0x800000u;
  let product = ((quotient & 0x7fffffu) | 0x800000u) * divisor;
  let missing = -bitcast<i32>(product);
  let unit = bitcast<i32>(divisor);
  // Rounded to the nearest; sixteen units more keep what is divided above zero.
  let steps = (2 * missing + 33 * unit) / (2 * unit) - 16;
  return bitcast<f32>(bitcast<u32>(bitcast<i32>(quotient) + steps));
}

fn run(group: u32, thread: u32) {
  let index = group * ${THREADS}u + thread;
  if (index >= uniforms.rows * uniforms.blocks) {
    return;
  }
  let row = index / uniforms.blocks;
  let block = index % uniforms.blocks;
  let start = row * uniforms.inSize + block * ${BLOCK}u;
  let end = min(start + ${BLOCK}u, (row + 1u) * uniforms.inSize);
  var peak = 0.0;
  for (var i = start; i < end; i++) {
    peak = max(peak, abs(x[i]));
  }
  var inverse = 0.0;
  if (peak >= SMALLEST_PEAK) {
    inverse = inverseOf(peak);
  }
  let scale = peak / LARGEST;
  for (var i = start; i < end; i++) {
    rounded[i] = round(x[i] * inverse) * scale;
  }
}
`,
});
