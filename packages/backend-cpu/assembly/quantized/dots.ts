/**
 * Dot products of prepared activations with lines of packed weights, four lines at a time: what a block adds up to is an
 * exact integer, so that engines with and without relaxed SIMD agree to the bit.
 */
import { madd, sumLanes } from "../math";
import { BLOCK, correctionsOffset, GROUP, scalesOffset } from "./activations";
import { halfAt } from "./unpack";

/** Bits of a half, sign-extended and moved up, that are those of a float of 2^-112 times its value. */
const HALF_BITS: i32 = 0x8fffe000;
const HALF_SCALE: f32 = 5192296858534827628530496329220096.0;
/** What is left of the exponents: see `activations.ts`. */
const LEFT_OVER: f32 = 65536.0;

// @ts-ignore: decorator
@inline
function movedHalves(source: usize): v128 {
  return v128.and(i32x4.shl(v128.load16x4_s(source), 13), i32x4.splat(HALF_BITS));
}

/** Four scales of a line, times those of the activations. */
// @ts-ignore: decorator
@inline
function blockScales(scales: usize, index: usize, activationScales: v128): v128 {
  return f32x4.mul(f32x4.mul(movedHalves(scales + index * 2), f32x4.splat(HALF_SCALE)), activationScales);
}

// @ts-ignore: decorator
@inline
function int8Block(x: usize, line: usize): v128 {
  let sum = i32x4.dot_i16x8_s(v128.load(x), v128.load8x8_s(line));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 16), v128.load8x8_s(line, 8)));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 32), v128.load8x8_s(line, 16)));
  return i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 48), v128.load8x8_s(line, 24)));
}

/** The nibbles as 0 … 15. */
// @ts-ignore: decorator
@inline
function int4Block(x: usize, line: usize): v128 {
  const bytes = v128.xor(v128.load(line), i8x16.splat(<i8>0x88));
  const evens = v128.and(bytes, i8x16.splat(0x0f));
  const odds = v128.and(i16x8.shr_u(bytes, 4), i8x16.splat(0x0f));
  if (ASC_FEATURE_RELAXED_SIMD) {
    let low = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x), evens, i32x4.splat(0));
    let high = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x, 16), evens, i32x4.splat(0));
    low = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x, 32), odds, low);
    high = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x, 48), odds, high);
    return i32x4.add(low, i32x4.shl(high, 8));
  }
  let sum = i32x4.dot_i16x8_s(v128.load(x), i16x8.extend_low_i8x16_s(evens));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 16), i16x8.extend_high_i8x16_s(evens)));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 32), i16x8.extend_low_i8x16_s(odds)));
  return i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x, 48), i16x8.extend_high_i8x16_s(odds)));
}

// @ts-ignore: decorator
@inline
function block(x: usize, line: usize, bits: usize): v128 {
  return f32x4.convert_i32x4_s(bits == 8 ? int8Block(x, line) : int4Block(x, line));
}

/** The blocks of one line from `from` on, one by one, added to what came before. */
// @ts-ignore: decorator
@inline
function lastBlocks(x: usize, words: usize, scales: usize, first: usize, depth: usize, bits: usize, from: usize, before: v128): f32 {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  let total = sumLanes(before);
  for (let index = from; index < blocks; index++) {
    const factor = halfAt(scales, first + index) * load<f32>(x + scalesOffset(depth) + index * 4);
    const products = block(x + index * BLOCK * 2, words + (first + index) * bits * 4, bits);
    total += sumLanes(products) * factor;
    if (bits == 4) total += load<f32>(x + correctionsOffset(depth) + index * 4) * factor;
  }
  return total;
}

/** Two lines of int8 or int4, from line `line` on. */
// @ts-ignore: decorator
@inline
function twoLines(x: usize, words: usize, scales: usize, line: usize, result: usize, depth: usize, bits: usize): void {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  const whole = blocks & ~(GROUP - 1);
  const step = blocks * bits * 4;
  const first = line * blocks;
  const second = first + blocks;
  const activationScales = x + scalesOffset(depth);
  const corrections = x + correctionsOffset(depth);
  let a = f32x4.splat(0);
  let b = a;
  for (let index: usize = 0; index < whole; index += GROUP) {
    const shared = v128.load(activationScales + index * 4);
    let scaleA = blockScales(scales, first + index, shared);
    let scaleB = blockScales(scales, second + index, shared);
    if (bits == 4) {
      const correction = v128.load(corrections + index * 4);
      a = madd(scaleA, correction, a);
      b = madd(scaleB, correction, b);
    }
    for (let i: usize = 0; i < GROUP; i++) {
      const values = x + (index + i) * BLOCK * 2;
      const at = words + (first + index + i) * bits * 4;
      a = madd(block(values, at, bits), v128.shuffle<f32>(scaleA, scaleA, 0, 0, 0, 0), a);
      b = madd(block(values, at + step, bits), v128.shuffle<f32>(scaleB, scaleB, 0, 0, 0, 0), b);
      scaleA = v128.shuffle<f32>(scaleA, scaleA, 1, 2, 3, 0);
      scaleB = v128.shuffle<f32>(scaleB, scaleB, 1, 2, 3, 0);
    }
  }
  store<f32>(result, lastBlocks(x, words, scales, first, depth, bits, whole, a));
  store<f32>(result, lastBlocks(x, words, scales, second, depth, bits, whole, b), 4);
}

// @ts-ignore: decorator
@inline
function oneLine(x: usize, words: usize, scales: usize, line: usize, depth: usize, bits: usize): f32 {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  const whole = blocks & ~(GROUP - 1);
  const first = line * blocks;
  let sum = f32x4.splat(0);
  for (let index: usize = 0; index < whole; index += GROUP) {
    let scale = blockScales(scales, first + index, v128.load(x + scalesOffset(depth) + index * 4));
    if (bits == 4) sum = madd(scale, v128.load(x + correctionsOffset(depth) + index * 4), sum);
    for (let i: usize = 0; i < GROUP; i++) {
      const products = block(x + (index + i) * BLOCK * 2, words + (first + index + i) * bits * 4, bits);
      sum = madd(products, v128.shuffle<f32>(scale, scale, 0, 0, 0, 0), sum);
      scale = v128.shuffle<f32>(scale, scale, 1, 2, 3, 0);
    }
  }
  return lastBlocks(x, words, scales, first, depth, bits, whole, sum);
}

/** Four lines of f16, `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function fourHalfLines(x: usize, line: usize, stride: usize, result: usize, depth: usize): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole; k += 4) {
    const values = v128.load(x + k * 4);
    const at = line + k * 2;
    a = madd(values, movedHalves(at), a);
    b = madd(values, movedHalves(at + stride), b);
    c = madd(values, movedHalves(at + 2 * stride), c);
    d = madd(values, movedHalves(at + 3 * stride), d);
  }
  store<f32>(result, lastHalves(x, line, whole, depth, a));
  store<f32>(result, lastHalves(x, line + stride, whole, depth, b), 4);
  store<f32>(result, lastHalves(x, line + 2 * stride, whole, depth, c), 8);
  store<f32>(result, lastHalves(x, line + 3 * stride, whole, depth, d), 12);
}

// @ts-ignore: decorator
@inline
function lastHalves(x: usize, line: usize, from: usize, depth: usize, before: v128): f32 {
  let total = sumLanes(before);
  for (let k = from; k < depth; k++) {
    const moved = reinterpret<f32>((<i32>load<i16>(line + k * 2) << 13) & HALF_BITS);
    total += load<f32>(x + k * 4) * moved;
  }
  return total * LEFT_OVER;
}

// @ts-ignore: decorator
@inline
function oneHalfLine(x: usize, line: usize, depth: usize): f32 {
  let sum = f32x4.splat(0);
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole; k += 4) sum = madd(v128.load(x + k * 4), movedHalves(line + k * 2), sum);
  return lastHalves(x, line, whole, depth, sum);
}

/** result[line] = x · line, for lines `from` … `to` of halves; x is one prepared row. */
export function dotHalves(x: usize, words: usize, result: usize, depth: usize, from: usize, to: usize): void {
  const stride = ((depth + 1) / 2) * 4;
  let line = from;
  for (; line + 4 <= to; line += 4) fourHalfLines(x, words + line * stride, stride, result + line * 4, depth);
  for (; line < to; line++) store<f32>(result + line * 4, oneHalfLine(x, words + line * stride, depth));
}

/** result[line] = x · line, for lines `from` … `to` of int8 or int4; x is one prepared row. */
// @ts-ignore: decorator
@inline
export function dotBlocks(x: usize, words: usize, scales: usize, result: usize, depth: usize, bits: usize, from: usize, to: usize): void {
  let line = from;
  for (; line + 2 <= to; line += 2) twoLines(x, words, scales, line, result + line * 4, depth, bits);
  if (line < to) store<f32>(result + line * 4, oneLine(x, words, scales, line, depth, bits));
}
