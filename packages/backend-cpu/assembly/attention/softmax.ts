/** softmax over a row of scores. */
import { expOfSmall4, largestOf, loadTail, storeTail, sumLanes } from "../math";

/** values_i = e^(scale · values_i - largest) in place; returns their sum. */
export function exponentials(values: usize, count: usize, scale: f32): f32 {
  // The scale is positive or negative: what is largest after it is what counts.
  scaleRow(values, count, scale);
  const largests = f32x4.splat(largestOf(values, count));
  const whole = count & ~3;
  const end = values + whole * 4;
  let sums = f32x4.splat(0);
  let at = values;
  while (at < end) {
    const lanes = expOfSmall4(f32x4.sub(v128.load(at), largests));
    v128.store(at, lanes);
    sums = f32x4.add(sums, lanes);
    at += 16;
  }
  const rest = count - whole;
  if (rest == 0) return sumLanes(sums);
  const lanes = expOfSmall4(f32x4.sub(loadTail(end, rest, -Infinity), largests));
  storeTail(end, lanes, rest);
  // What stands for the lanes beyond the tail is 10^-38, beside at least one 1.
  return sumLanes(f32x4.add(sums, lanes));
}

export function scaleRow(values: usize, count: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(values + i * 4, f32x4.mul(v128.load(values + i * 4), factors));
  }
  for (let i = whole; i < count; i++) store<f32>(values + i * 4, load<f32>(values + i * 4) * factor);
}
