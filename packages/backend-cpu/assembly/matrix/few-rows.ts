/**
 * Products of few rows with a matrix that memory holds as [columns, depth]: a decoded token. The matrix is read once, and
 * reading it is what takes the time: eight of its lines at a time that lie far apart, so that each of eight places in memory
 * is read on and on, which is what processors see coming.
 *
 * Each result is the sum of four lanes (k modulo 4), each a chain of additions, for any number of rows.
 */
import { madd, sumLanes, sumsOfFour } from "../math";
import { threadCount } from "../threads";

/** More rows than these are packed. */
export const FEW_ROWS: usize = 8;

/** Lines of the matrix that are worked off at once. */
const LINES: usize = 8;

/** Entries of a matrix that are too few to share: handing a piece over takes as long as some thousand of them. */
const PIECE: usize = 32_768;

/**
 * Lines of one piece of work, of `depth` entries each: several pieces a thread, so that one that is held up does not hold up the
 * rest, but none that is over before another thread has heard of it.
 */
export function linesPerPiece(lines: usize, depth: usize): usize {
  const shared = (lines / (threadCount() * 4)) & ~(LINES - 1);
  return max(max(LINES, shared), (PIECE / depth) & ~(LINES - 1));
}

/**
 * A matrix of so many bytes comes from far away, where four streams of whole cache lines are read faster than eight of
 * halves, which are ahead in the caches.
 */
const FAR_BYTES: usize = 1_000_000;

/** Stores the results of four lines, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function storeFour(sums: v128, result: usize, step: usize): void {
  v128.store_lane<f32>(result, sums, 0);
  v128.store_lane<f32>(result + step, sums, 1);
  v128.store_lane<f32>(result + 2 * step, sums, 2);
  v128.store_lane<f32>(result + 3 * step, sums, 3);
}

/**
 * Adds to the results of `count` lines what their whole vectors have left over. Not inlined, for it is rare: what it needs would
 * be kept through the loops before it.
 */
// @ts-ignore: decorator
@noinline
function addRests(x: usize, line: usize, step: usize, result: usize, resultStep: usize, count: usize, depth: usize): void {
  for (let each: usize = 0; each < count; each++) {
    const source = line + each * step;
    let sum = load<f32>(result + each * resultStep);
    for (let k = depth & ~3; k < depth; k++) sum += load<f32>(x + k * 4) * load<f32>(source + k * 4);
    store<f32>(result + each * resultStep, sum);
  }
}

// @ts-ignore: decorator
@inline
function oneByOne(x: usize, line: usize, result: usize, depth: usize): void {
  let sum = f32x4.splat(0);
  const whole = depth & ~3;
  for (let k: usize = 0; k < whole; k += 4) sum = madd(v128.load(x + k * 4), v128.load(line + k * 4), sum);
  store<f32>(result, sumLanes(sum));
  if (depth & 3) addRests(x, line, 0, result, 0, 1, depth);
}

// Each line has a pointer of its own that moves on: an address that is computed costs as much as the product.

/** One row against eight lines that lie `step` bytes apart, their results `resultStep` bytes. */
// @ts-ignore: decorator
@inline
function oneByEight(x: usize, line: usize, step: usize, result: usize, resultStep: usize, depth: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  let p = x;
  let l0 = line;
  let l1 = l0 + step;
  let l2 = l1 + step;
  let l3 = l2 + step;
  let l4 = l3 + step;
  let l5 = l4 + step;
  let l6 = l5 + step;
  let l7 = l6 + step;
  const pairs = x + (depth & ~7) * 4;
  while (p < pairs) {
    const even = v128.load(p);
    const odd = v128.load(p, 16);
    s0 = madd(odd, v128.load(l0, 16), madd(even, v128.load(l0), s0));
    s1 = madd(odd, v128.load(l1, 16), madd(even, v128.load(l1), s1));
    s2 = madd(odd, v128.load(l2, 16), madd(even, v128.load(l2), s2));
    s3 = madd(odd, v128.load(l3, 16), madd(even, v128.load(l3), s3));
    s4 = madd(odd, v128.load(l4, 16), madd(even, v128.load(l4), s4));
    s5 = madd(odd, v128.load(l5, 16), madd(even, v128.load(l5), s5));
    s6 = madd(odd, v128.load(l6, 16), madd(even, v128.load(l6), s6));
    s7 = madd(odd, v128.load(l7, 16), madd(even, v128.load(l7), s7));
    p += 32;
    l0 += 32;
    l1 += 32;
    l2 += 32;
    l3 += 32;
    l4 += 32;
    l5 += 32;
    l6 += 32;
    l7 += 32;
  }
  if (depth & 4) {
    const even = v128.load(p);
    s0 = madd(even, v128.load(l0), s0);
    s1 = madd(even, v128.load(l1), s1);
    s2 = madd(even, v128.load(l2), s2);
    s3 = madd(even, v128.load(l3), s3);
    s4 = madd(even, v128.load(l4), s4);
    s5 = madd(even, v128.load(l5), s5);
    s6 = madd(even, v128.load(l6), s6);
    s7 = madd(even, v128.load(l7), s7);
  }
  storeFour(sumsOfFour(s0, s1, s2, s3), result, resultStep);
  storeFour(sumsOfFour(s4, s5, s6, s7), result + 4 * resultStep, resultStep);
  if (depth & 3) addRests(x, line, step, result, resultStep, 8, depth);
}

/** One row against four lines that lie `step` bytes apart, a cache line of each at a time. */
// @ts-ignore: decorator
@inline
function oneByFour(x: usize, line: usize, step: usize, result: usize, resultStep: usize, depth: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let p = x;
  let l0 = line;
  let l1 = l0 + step;
  let l2 = l1 + step;
  let l3 = l2 + step;
  const fours = x + (depth & ~15) * 4;
  while (p < fours) {
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const c = v128.load(p, 32);
    const d = v128.load(p, 48);
    s0 = madd(d, v128.load(l0, 48), madd(c, v128.load(l0, 32), madd(b, v128.load(l0, 16), madd(a, v128.load(l0), s0))));
    s1 = madd(d, v128.load(l1, 48), madd(c, v128.load(l1, 32), madd(b, v128.load(l1, 16), madd(a, v128.load(l1), s1))));
    s2 = madd(d, v128.load(l2, 48), madd(c, v128.load(l2, 32), madd(b, v128.load(l2, 16), madd(a, v128.load(l2), s2))));
    s3 = madd(d, v128.load(l3, 48), madd(c, v128.load(l3, 32), madd(b, v128.load(l3, 16), madd(a, v128.load(l3), s3))));
    p += 64;
    l0 += 64;
    l1 += 64;
    l2 += 64;
    l3 += 64;
  }
  const end = x + (depth & ~3) * 4;
  while (p < end) {
    const a = v128.load(p);
    s0 = madd(a, v128.load(l0), s0);
    s1 = madd(a, v128.load(l1), s1);
    s2 = madd(a, v128.load(l2), s2);
    s3 = madd(a, v128.load(l3), s3);
    p += 16;
    l0 += 16;
    l1 += 16;
    l2 += 16;
    l3 += 16;
  }
  storeFour(sumsOfFour(s0, s1, s2, s3), result, resultStep);
  if (depth & 3) addRests(x, line, step, result, resultStep, 4, depth);
}

/** Two rows, `xStep` bytes apart, against four lines; the second row's results lie `rowStep` bytes behind the first's. */
// @ts-ignore: decorator
@inline
function twoByFour(
  x: usize,
  xStep: usize,
  line: usize,
  step: usize,
  result: usize,
  resultStep: usize,
  rowStep: usize,
  depth: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let p = x;
  let q = x + xStep;
  let l0 = line;
  let l1 = l0 + step;
  let l2 = l1 + step;
  let l3 = l2 + step;
  const end = x + (depth & ~3) * 4;
  while (p < end) {
    const a = v128.load(p);
    const b = v128.load(q);
    const v0 = v128.load(l0);
    a0 = madd(a, v0, a0);
    b0 = madd(b, v0, b0);
    const v1 = v128.load(l1);
    a1 = madd(a, v1, a1);
    b1 = madd(b, v1, b1);
    const v2 = v128.load(l2);
    a2 = madd(a, v2, a2);
    b2 = madd(b, v2, b2);
    const v3 = v128.load(l3);
    a3 = madd(a, v3, a3);
    b3 = madd(b, v3, b3);
    p += 16;
    q += 16;
    l0 += 16;
    l1 += 16;
    l2 += 16;
    l3 += 16;
  }
  storeFour(sumsOfFour(a0, a1, a2, a3), result, resultStep);
  storeFour(sumsOfFour(b0, b1, b2, b3), result + rowStep, resultStep);
  if ((depth & 3) == 0) return;
  addRests(x, line, step, result, resultStep, 4, depth);
  addRests(x + xStep, line, step, result + rowStep, resultStep, 4, depth);
}

/** result[row, line] = x[row] · lines[line] for lines `from` … `to`; x is [rows, depth], result [rows, columns]. */
export function dotRows(x: usize, lines: usize, result: usize, rows: usize, depth: usize, columns: usize, from: usize, to: usize): void {
  const lineBytes = depth * 4;
  const isFar = (to - from) * lineBytes >= FAR_BYTES;
  // Of eight equal stretches of lines one line each, or of four.
  const stretches = rows == 1 && isFar ? LINES / 2 : LINES;
  const stretch = (to - from) / stretches;
  const step = stretch * lineBytes;
  const resultStep = stretch * 4;
  if (stretches < LINES) {
    for (let line = from; line < from + stretch; line++) {
      oneByFour(x, lines + line * lineBytes, step, result + line * 4, resultStep, depth);
    }
  } else {
    for (let line = from; line < from + stretch; line++) {
      const source = lines + line * lineBytes;
      const target = result + line * 4;
      eightLines(x, source, step, target, resultStep, rows, depth, columns);
    }
  }
  for (let line = from + stretch * stretches; line < to; line++) {
    for (let row: usize = 0; row < rows; row++) {
      oneByOne(x + row * lineBytes, lines + line * lineBytes, result + (row * columns + line) * 4, depth);
    }
  }
}

/** All rows against eight lines. */
// @ts-ignore: decorator
@inline
function eightLines(x: usize, line: usize, step: usize, result: usize, resultStep: usize, rows: usize, depth: usize, columns: usize): void {
  const lineBytes = depth * 4;
  const rowStep = columns * 4;
  let row: usize = 0;
  for (; row + 2 <= rows; row += 2) {
    const left = x + row * lineBytes;
    const target = result + row * rowStep;
    twoByFour(left, lineBytes, line, step, target, resultStep, rowStep, depth);
    twoByFour(left, lineBytes, line + 4 * step, step, target + 4 * resultStep, resultStep, rowStep, depth);
  }
  if (row < rows) oneByEight(x + row * lineBytes, line, step, result + row * rowStep, resultStep, depth);
}
