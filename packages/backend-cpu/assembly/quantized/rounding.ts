/**
 * Rows of floats rounded to 8 bits in blocks, as floats: what `prepareRows` makes integers and scales of, for products of
 * many rows. See `integerMatMul` of @sst/tensor.
 */
import { Part } from "../parts";
import { grainOf, parallel } from "../threads";
import { BLOCK, inverseOf, LARGEST_BYTE, peakOf } from "./activations";

@unmanaged
export class RoundActivations {
  x: usize;
  target: usize;
  rows: usize;
  columns: usize;
}

/** `target` is like x. */
export function roundActivations(a: RoundActivations): void {
  parallel(Part.roundRows, changetype<usize>(a), a.rows, grainOf(a.columns));
}

export function roundRows(a: RoundActivations, from: usize, to: usize): void {
  for (let row = from; row < to; row++) {
    const start = row * a.columns;
    const end = start + a.columns;
    for (let i = start; i < end; i += BLOCK) roundBlock(a.x + i * 4, a.target + i * 4, min(end - i, BLOCK));
  }
}

function roundBlock(x: usize, target: usize, count: usize): void {
  const peak = count == BLOCK ? peakOf(x) : peakOfFew(x, count);
  const scale = peak / LARGEST_BYTE;
  const inverse = inverseOf(peak, LARGEST_BYTE);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const integers = f32x4.nearest(f32x4.mul(v128.load(x + i * 4), f32x4.splat(inverse)));
    v128.store(target + i * 4, f32x4.mul(integers, f32x4.splat(scale)));
  }
  for (let i = whole; i < count; i++) store<f32>(target + i * 4, nearest(load<f32>(x + i * 4) * inverse) * scale);
}

function peakOfFew(x: usize, count: usize): f32 {
  let peak: f32 = 0;
  for (let i: usize = 0; i < count; i++) peak = max(peak, abs(load<f32>(x + i * 4)));
  return peak;
}
