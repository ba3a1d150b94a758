/** Dot products with lines of f16, four at a time. */
import { madd, sumLanes } from "../math";
import { LINES } from "./activations";
import { HALF_BITS, halfBitsAt, movedHalves } from "./halves";

/** What is left of the exponents: see `activations.ts`. */
const LEFT_OVER: f32 = 65536.0;

/** Four lines of f16, `step` bytes apart, their results `resultStep` bytes. */
// @ts-ignore: decorator
@inline
function fourHalfLines(x: usize, line: usize, step: usize, result: usize, resultStep: usize, depth: usize, halfBits: v128): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let values = x;
  let lineA = line;
  let lineB = lineA + step;
  let lineC = lineB + step;
  let lineD = lineC + step;
  const whole = depth & ~3;
  const end = x + whole * 4;
  while (values < end) {
    const four = v128.load(values);
    a = madd(four, movedHalves(lineA, halfBits), a);
    b = madd(four, movedHalves(lineB, halfBits), b);
    c = madd(four, movedHalves(lineC, halfBits), c);
    d = madd(four, movedHalves(lineD, halfBits), d);
    values += 16;
    lineA += 8;
    lineB += 8;
    lineC += 8;
    lineD += 8;
  }
  store<f32>(result, lastHalves(x, line, whole, depth, a));
  store<f32>(result + resultStep, lastHalves(x, line + step, whole, depth, b));
  store<f32>(result + 2 * resultStep, lastHalves(x, line + 2 * step, whole, depth, c));
  store<f32>(result + 3 * resultStep, lastHalves(x, line + 3 * step, whole, depth, d));
}

// @ts-ignore: decorator
@inline
function lastHalves(x: usize, line: usize, from: usize, depth: usize, before: v128): f32 {
  let total = sumLanes(before);
  for (let k = from; k < depth; k++) {
    const moved = reinterpret<f32>(<u32>(<i32>load<i16>(line + k * 2) << 13) & HALF_BITS);
    total += load<f32>(x + k * 4) * moved;
  }
  return total * LEFT_OVER;
}

// @ts-ignore: decorator
@inline
function oneHalfLine(x: usize, line: usize, depth: usize, halfBits: v128): f32 {
  let sum = f32x4.splat(0);
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole; k += 4) sum = madd(v128.load(x + k * 4), movedHalves(line + k * 2, halfBits), sum);
  return lastHalves(x, line, whole, depth, sum);
}

/** As `dotBlocks`, for lines of halves. */
export function dotHalves(
  x: usize,
  rowBytes: usize,
  rows: usize,
  words: usize,
  result: usize,
  columns: usize,
  depth: usize,
  from: usize,
  to: usize,
): void {
  const halfBits = v128.load32_splat(halfBitsAt);
  const lineBytes = ((depth + 1) / 2) * 4;
  const stretch = (to - from) / LINES;
  for (let line = from; line < from + stretch; line++) {
    for (let row: usize = 0; row < rows; row++) {
      const target = result + (row * columns + line) * 4;
      fourHalfLines(x + row * rowBytes, words + line * lineBytes, stretch * lineBytes, target, stretch * 4, depth, halfBits);
    }
  }
  for (let line = from + stretch * LINES; line < to; line++) {
    for (let row: usize = 0; row < rows; row++) {
      store<f32>(result + (row * columns + line) * 4, oneHalfLine(x + row * rowBytes, words + line * lineBytes, depth, halfBits));
    }
  }
}
