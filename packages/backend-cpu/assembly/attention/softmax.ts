/** softmax over a row of scores. */
import { exp1, exp4, largestOf, sumLanes } from "../math";

/** values_i = e^(scale · values_i - largest) in place; returns their sum. */
export function exponentials(values: usize, count: usize, scale: f32): f32 {
  // The scale is positive or negative: what is largest after it is what counts.
  const whole = count & ~3;
  const scales = f32x4.splat(scale);
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(values + i * 4, f32x4.mul(v128.load(values + i * 4), scales));
  }
  for (let i = whole; i < count; i++) store<f32>(values + i * 4, load<f32>(values + i * 4) * scale);
  const largest = largestOf(values, count);
  const largests = f32x4.splat(largest);
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 4) {
    const lanes = exp4(f32x4.sub(v128.load(values + i * 4), largests));
    v128.store(values + i * 4, lanes);
    sums = f32x4.add(sums, lanes);
  }
  let sum = sumLanes(sums);
  for (let i = whole; i < count; i++) {
    const value = exp1(load<f32>(values + i * 4) - largest);
    store<f32>(values + i * 4, value);
    sum += value;
  }
  return sum;
}

export function scaleRow(values: usize, count: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(values + i * 4, f32x4.mul(v128.load(values + i * 4), factors));
  }
  for (let i = whole; i < count; i++) store<f32>(values + i * 4, load<f32>(values + i * 4) * factor);
}
