/** Elementary functions on four floats at a time. */

/** product + sum: in one step, rounded once, where the engine has relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(left: v128, right: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(left, right, sum);
  return f32x4.add(sum, f32x4.mul(left, right));
}

/**
 * Constants of `exp4`, in memory: an engine puts a constant vector together again at each use, which takes three
 * instructions, and loads one that repeats in one.
 */
const EXP: usize = memory.data<f32>([
  88.3762626647949,
  -87.3365478515625,
  1.44269504088896341,
  -0.693359375,
  2.1219444e-4,
  1.987569150e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
  1.0,
  88.72283935546875,
  Infinity,
  // 1.5 · 2^23: a small number added to it is rounded to a whole one, which stands in the lowest bits.
  12582912.0,
]);
/** 127 as an integer, the exponent's bias. */
const BIAS: usize = memory.data<i32>([127]);

/**
 * e^x for x up to 88.37, to about one unit in the last place: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial in r, and 2^n
 * through the exponent bits. Below −87.3 the result is the smallest normal number times e^r; NaN stays (as the left operand of
 * `pmin` and `pmax`, which are one instruction where `min` and `max` are eight).
 */
// @ts-ignore: decorator
@inline
export function expOfSmall4(x: v128): v128 {
  const clamped = f32x4.pmax(x, v128.load32_splat(EXP, 4));
  const shift = v128.load32_splat(EXP, 56);
  const shifted = madd(clamped, v128.load32_splat(EXP, 8), shift);
  const n = f32x4.sub(shifted, shift);
  const r = madd(n, v128.load32_splat(EXP, 16), madd(n, v128.load32_splat(EXP, 12), clamped));
  let p = v128.load32_splat(EXP, 20);
  p = madd(p, r, v128.load32_splat(EXP, 24));
  p = madd(p, r, v128.load32_splat(EXP, 28));
  p = madd(p, r, v128.load32_splat(EXP, 32));
  p = madd(p, r, v128.load32_splat(EXP, 36));
  p = madd(p, r, v128.load32_splat(EXP, 40));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), v128.load32_splat(EXP, 44));
  return f32x4.mul(p, i32x4.shl(i32x4.add(shifted, v128.load32_splat(BIAS)), 23));
}

/** As `expOfSmall4`, for any x: above 88.7 the result is infinite. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const result = expOfSmall4(f32x4.pmin(x, v128.load32_splat(EXP)));
  const tooLarge = f32x4.gt(x, v128.load32_splat(EXP, 48));
  return v128.bitselect(v128.load32_splat(EXP, 52), result, tooLarge);
}

// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = v128.load32_splat(EXP, 44);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** The sums of the lanes of four vectors, each in the order of `sumLanes`. */
// @ts-ignore: decorator
@inline
export function sumsOfFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 2, 4, 6), v128.shuffle<f32>(c, d, 1, 3, 5, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7));
}

// @ts-ignore: decorator
@inline
export function largestLane(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/** The largest of `size` floats, NaN apart. */
// @ts-ignore: decorator
@inline
export function largestOf(values: usize, size: usize): f32 {
  let largest = f32x4.splat(-Infinity);
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) largest = f32x4.pmax(largest, v128.load(values + i * 4));
  let result = largestLane(largest);
  for (let i = whole; i < size; i++) result = max(result, load<f32>(values + i * 4));
  return result;
}

/** Σ left_i · right_i over `size` floats: two sums of four lanes, so that one addition need not wait for the last. */
// @ts-ignore: decorator
@inline
export function dot(left: usize, right: usize, size: usize): f32 {
  let even = f32x4.splat(0);
  let odd = even;
  const pairs = size & ~7;
  for (let i: usize = 0; i < pairs; i += 8) {
    even = madd(v128.load(left + i * 4), v128.load(right + i * 4), even);
    odd = madd(v128.load(left + i * 4, 16), v128.load(right + i * 4, 16), odd);
  }
  const whole = size & ~3;
  if (whole > pairs) even = madd(v128.load(left + pairs * 4), v128.load(right + pairs * 4), even);
  let total = sumLanes(f32x4.add(even, odd));
  for (let i = whole; i < size; i++) total += load<f32>(left + i * 4) * load<f32>(right + i * 4);
  return total;
}

/** target_i = left_i + right_i over `size` floats. */
// @ts-ignore: decorator
@inline
export function addRows(left: usize, right: usize, target: usize, size: usize): void {
  const whole = (size * 4) & ~15;
  for (let i: usize = 0; i < whole; i += 16) v128.store(target + i, f32x4.add(v128.load(left + i), v128.load(right + i)));
  for (let i = whole; i < size * 4; i += 4) store<f32>(target + i, load<f32>(left + i) + load<f32>(right + i));
}

/** target_i += factor · source_i over `size` floats. */
// @ts-ignore: decorator
@inline
export function addScaled(target: usize, source: usize, factor: f32, size: usize): void {
  const factors = f32x4.splat(factor);
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = target + i * 4;
    v128.store(at, madd(factors, v128.load(source + i * 4), v128.load(at)));
  }
  for (let i = whole; i < size; i++) {
    store<f32>(target + i * 4, load<f32>(target + i * 4) + factor * load<f32>(source + i * 4));
  }
}

/** The first `count` of four floats, at most three, and `filler` in the other lanes. */
// @ts-ignore: decorator
@inline
export function loadTail(source: usize, count: usize, filler: f32): v128 {
  let lanes = f32x4.splat(filler);
  if (count > 0) lanes = f32x4.replace_lane(lanes, 0, load<f32>(source));
  if (count > 1) lanes = f32x4.replace_lane(lanes, 1, load<f32>(source, 4));
  if (count > 2) lanes = f32x4.replace_lane(lanes, 2, load<f32>(source, 8));
  return lanes;
}

/** Stores the first `count` lanes, at most three. */
// @ts-ignore: decorator
@inline
export function storeTail(target: usize, lanes: v128, count: usize): void {
  if (count > 0) store<f32>(target, f32x4.extract_lane(lanes, 0));
  if (count > 1) store<f32>(target, f32x4.extract_lane(lanes, 1), 4);
  if (count > 2) store<f32>(target, f32x4.extract_lane(lanes, 2), 8);
}

/** target_i = 0 over `size` floats: for few of them faster than a fill in bulk, which calls out of the module. */
// @ts-ignore: decorator
@inline
export function clear(target: usize, size: usize): void {
  const zeros = f32x4.splat(0);
  const whole = (size * 4) & ~15;
  for (let i: usize = 0; i < whole; i += 16) v128.store(target + i, zeros);
  for (let i = whole; i < size * 4; i += 4) store<f32>(target + i, 0);
}
