/** softmax over a row of scores. */
import { expOfSmall4, largestLane, loadTail, storeTail, sumLanes } from "../math";

/** Lanes that count, of the last vector of a row: from the fourth entry on none, from the first on all four. */
const LANES: usize = memory.data<i32>([-1, -1, -1, -1, 0, 0, 0]);

/** softmax of a row that has room to whole vectors, in place: what is behind it is written over. The bits of `exponentials`. */
// @ts-ignore: decorator
@inline
export function softmaxInRoom(values: usize, count: usize, scale: f32): void {
  const last = values + ((count - 1) & ~3) * 4;
  const counts = v128.load(LANES + (3 - ((count - 1) & 3)) * 4);
  const scales = f32x4.splat(scale);
  const least = f32x4.splat(-Infinity);
  let largests = least;
  let at = values;
  for (; at < last; at += 16) {
    const scaled = f32x4.mul(v128.load(at), scales);
    v128.store(at, scaled);
    largests = f32x4.pmax(largests, scaled);
  }
  const end = v128.bitselect(f32x4.mul(v128.load(at), scales), least, counts);
  v128.store(at, end);
  largests = f32x4.pmax(largests, end);
  largests = f32x4.pmax(largests, v128.shuffle<f32>(largests, largests, 2, 3, 0, 1));
  largests = f32x4.pmax(largests, v128.shuffle<f32>(largests, largests, 1, 0, 3, 2));
  let sums = f32x4.splat(0);
  for (at = values; at <= last; at += 16) {
    const lanes = expOfSmall4(f32x4.sub(v128.load(at), largests));
    v128.store(at, lanes);
    sums = f32x4.add(sums, lanes);
  }
  const factors = f32x4.splat(<f32>1 / sumLanes(sums));
  for (at = values; at <= last; at += 16) v128.store(at, f32x4.mul(v128.load(at), factors));
}

/** values_i = e^(scale · values_i - largest) in place; returns their sum. */
export function exponentials(values: usize, count: usize, scale: f32): f32 {
  const whole = count & ~3;
  const end = values + whole * 4;
  // The scale is positive or negative: what is largest after it is what counts.
  const largests = f32x4.splat(scaleToLargest(values, count, scale));
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

/** Multiplies a row; returns its largest value, NaN apart. */
// @ts-ignore: decorator
@inline
function scaleToLargest(values: usize, count: usize, factor: f32): f32 {
  const factors = f32x4.splat(factor);
  const end = values + (count & ~3) * 4;
  let largest = f32x4.splat(-Infinity);
  let at = values;
  while (at < end) {
    const scaled = f32x4.mul(v128.load(at), factors);
    v128.store(at, scaled);
    largest = f32x4.pmax(largest, scaled);
    at += 16;
  }
  let result = largestLane(largest);
  for (; at < values + count * 4; at += 4) {
    const scaled = load<f32>(at) * factor;
    store<f32>(at, scaled);
    result = max(result, scaled);
  }
  return result;
}

export function scaleRow(values: usize, count: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(values + i * 4, f32x4.mul(v128.load(values + i * 4), factors));
  }
  for (let i = whole; i < count; i++) store<f32>(values + i * 4, load<f32>(values + i * 4) * factor);
}
