/**
 * Products of few rows with a matrix that memory holds as [columns, depth]: a decoded token. The matrix is read once and
 * in order, several of its lines at a time, because reading it is what takes the time.
 *
 * Each result is the sum of four lanes (k modulo 4), each a chain of additions, for any number of rows.
 */
import { madd, sumLanes } from "../math";

/** More rows than these are packed. */
export const FEW_ROWS: usize = 8;

/** Lines of the matrix that one piece of work takes. */
export const LINES: usize = 8;

// @ts-ignore: decorator
@inline
function restOfDot(left: usize, right: usize, sum: v128, from: usize, depth: usize): f32 {
  let total = sumLanes(sum);
  for (let k = from; k < depth; k++) total += load<f32>(left + k * 4) * load<f32>(right + k * 4);
  return total;
}

// @ts-ignore: decorator
@inline
function oneDot(x: usize, line: usize, depth: usize): f32 {
  let sum = f32x4.splat(0);
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole; k += 4) sum = madd(v128.load(x + k * 4), v128.load(line + k * 4), sum);
  return restOfDot(x, line, sum, whole, depth);
}

/** One row against eight lines. */
// @ts-ignore: decorator
@inline
function oneByEight(x: usize, line: usize, result: usize, depth: usize): void {
  const step = depth * 4;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  const whole = depth & ~3;
  const upper = line + 4 * step;
  for (let k: usize = 0; k < whole * 4; k += 16) {
    const value = v128.load(x + k);
    s0 = madd(value, v128.load(line + k), s0);
    s1 = madd(value, v128.load(line + step + k), s1);
    s2 = madd(value, v128.load(line + 2 * step + k), s2);
    s3 = madd(value, v128.load(line + 3 * step + k), s3);
    s4 = madd(value, v128.load(upper + k), s4);
    s5 = madd(value, v128.load(upper + step + k), s5);
    s6 = madd(value, v128.load(upper + 2 * step + k), s6);
    s7 = madd(value, v128.load(upper + 3 * step + k), s7);
  }
  store<f32>(result, restOfDot(x, line, s0, whole, depth));
  store<f32>(result, restOfDot(x, line + step, s1, whole, depth), 4);
  store<f32>(result, restOfDot(x, line + 2 * step, s2, whole, depth), 8);
  store<f32>(result, restOfDot(x, line + 3 * step, s3, whole, depth), 12);
  store<f32>(result, restOfDot(x, upper, s4, whole, depth), 16);
  store<f32>(result, restOfDot(x, upper + step, s5, whole, depth), 20);
  store<f32>(result, restOfDot(x, upper + 2 * step, s6, whole, depth), 24);
  store<f32>(result, restOfDot(x, upper + 3 * step, s7, whole, depth), 28);
}

/** Two rows against four lines. */
// @ts-ignore: decorator
@inline
function twoByFour(x: usize, xStep: usize, line: usize, result: usize, resultStep: usize, depth: usize): void {
  const step = depth * 4;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole * 4; k += 16) {
    const a = v128.load(x + k);
    const b = v128.load(x + xStep + k);
    const l0 = v128.load(line + k);
    a0 = madd(a, l0, a0);
    b0 = madd(b, l0, b0);
    const l1 = v128.load(line + step + k);
    a1 = madd(a, l1, a1);
    b1 = madd(b, l1, b1);
    const l2 = v128.load(line + 2 * step + k);
    a2 = madd(a, l2, a2);
    b2 = madd(b, l2, b2);
    const l3 = v128.load(line + 3 * step + k);
    a3 = madd(a, l3, a3);
    b3 = madd(b, l3, b3);
  }
  store<f32>(result, restOfDot(x, line, a0, whole, depth));
  store<f32>(result, restOfDot(x, line + step, a1, whole, depth), 4);
  store<f32>(result, restOfDot(x, line + 2 * step, a2, whole, depth), 8);
  store<f32>(result, restOfDot(x, line + 3 * step, a3, whole, depth), 12);
  store<f32>(result + resultStep, restOfDot(x + xStep, line, b0, whole, depth));
  store<f32>(result + resultStep, restOfDot(x + xStep, line + step, b1, whole, depth), 4);
  store<f32>(result + resultStep, restOfDot(x + xStep, line + 2 * step, b2, whole, depth), 8);
  store<f32>(result + resultStep, restOfDot(x + xStep, line + 3 * step, b3, whole, depth), 12);
}

/** result[row, line] = x[row] · lines[line] for lines `from` … `to`; x is [rows, depth], result [rows, columns]. */
export function dotRows(x: usize, lines: usize, result: usize, rows: usize, depth: usize, columns: usize, from: usize, to: usize): void {
  const lineBytes = depth * 4;
  let line = from;
  for (; line + LINES <= to; line += LINES) {
    let row: usize = 0;
    for (; row + 2 <= rows; row += 2) {
      const target = result + (row * columns + line) * 4;
      const source = x + row * lineBytes;
      twoByFour(source, lineBytes, lines + line * lineBytes, target, columns * 4, depth);
      twoByFour(source, lineBytes, lines + (line + 4) * lineBytes, target + 16, columns * 4, depth);
    }
    if (row < rows) oneByEight(x + row * lineBytes, lines + line * lineBytes, result + (row * columns + line) * 4, depth);
  }
  for (; line < to; line++) {
    for (let row: usize = 0; row < rows; row++) {
      store<f32>(result + (row * columns + line) * 4, oneDot(x + row * lineBytes, lines + line * lineBytes, depth));
    }
  }
}
