/**
 * Products of few rows with a matrix that memory holds as [columns, depth]: a decoded token, or several texts' at once. The
 * matrix is read once, and for one row reading it is what takes the time: four of its lines at a time that lie far apart, so
 * that each of four places in memory is read on and on, a cache line at a time, which is what processors see coming.
 *
 * Each result is the sum of two chains of additions, of even and of odd vectors, for any number of rows: one chain would
 * wait for its own additions, and a text has the same bits alone and among others.
 */
import { dot, madd, sumsOfFour } from "../math";
import { threadCount } from "../threads";

/** More rows than these are packed. */
export const FEW_ROWS: usize = 8;

/** Lines of the matrix that are worked off at once. */
const LINES: usize = 4;

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

// Each line has a pointer of its own that moves on: an address that is computed costs as much as the product.

/** One row against four lines that lie `step` bytes apart, their results `resultStep` bytes. */
// @ts-ignore: decorator
@inline
function oneByFour(x: usize, line: usize, step: usize, result: usize, resultStep: usize, depth: usize): void {
  let even0 = f32x4.splat(0);
  let even1 = even0;
  let even2 = even0;
  let even3 = even0;
  let odd0 = even0;
  let odd1 = even0;
  let odd2 = even0;
  let odd3 = even0;
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
    even0 = madd(c, v128.load(l0, 32), madd(a, v128.load(l0), even0));
    odd0 = madd(d, v128.load(l0, 48), madd(b, v128.load(l0, 16), odd0));
    even1 = madd(c, v128.load(l1, 32), madd(a, v128.load(l1), even1));
    odd1 = madd(d, v128.load(l1, 48), madd(b, v128.load(l1, 16), odd1));
    even2 = madd(c, v128.load(l2, 32), madd(a, v128.load(l2), even2));
    odd2 = madd(d, v128.load(l2, 48), madd(b, v128.load(l2, 16), odd2));
    even3 = madd(c, v128.load(l3, 32), madd(a, v128.load(l3), even3));
    odd3 = madd(d, v128.load(l3, 48), madd(b, v128.load(l3, 16), odd3));
    p += 64;
    l0 += 64;
    l1 += 64;
    l2 += 64;
    l3 += 64;
  }
  if (depth & 8) {
    const a = v128.load(p);
    const b = v128.load(p, 16);
    even0 = madd(a, v128.load(l0), even0);
    odd0 = madd(b, v128.load(l0, 16), odd0);
    even1 = madd(a, v128.load(l1), even1);
    odd1 = madd(b, v128.load(l1, 16), odd1);
    even2 = madd(a, v128.load(l2), even2);
    odd2 = madd(b, v128.load(l2, 16), odd2);
    even3 = madd(a, v128.load(l3), even3);
    odd3 = madd(b, v128.load(l3, 16), odd3);
    p += 32;
    l0 += 32;
    l1 += 32;
    l2 += 32;
    l3 += 32;
  }
  if (depth & 4) {
    const a = v128.load(p);
    even0 = madd(a, v128.load(l0), even0);
    even1 = madd(a, v128.load(l1), even1);
    even2 = madd(a, v128.load(l2), even2);
    even3 = madd(a, v128.load(l3), even3);
  }
  const sums = sumsOfFour(
    f32x4.add(even0, odd0),
    f32x4.add(even1, odd1),
    f32x4.add(even2, odd2),
    f32x4.add(even3, odd3),
  );
  v128.store_lane<f32>(result, sums, 0);
  v128.store_lane<f32>(result + resultStep, sums, 1);
  v128.store_lane<f32>(result + 2 * resultStep, sums, 2);
  v128.store_lane<f32>(result + 3 * resultStep, sums, 3);
  if (depth & 3) addRests(x, line, step, result, resultStep, 4, depth);
}

/** Two rows, `xStep` bytes apart, or three (`isThree`, a constant) against two lines; a row's results lie `rowStep` bytes behind the last's. */
// @ts-ignore: decorator
@inline
function rowsByTwo(
  isThree: bool,
  x: usize,
  xStep: usize,
  line: usize,
  step: usize,
  result: usize,
  resultStep: usize,
  rowStep: usize,
  depth: usize,
): void {
  let evenA0 = f32x4.splat(0);
  let evenA1 = evenA0;
  let evenB0 = evenA0;
  let evenB1 = evenA0;
  let evenC0 = evenA0;
  let evenC1 = evenA0;
  let oddA0 = evenA0;
  let oddA1 = evenA0;
  let oddB0 = evenA0;
  let oddB1 = evenA0;
  let oddC0 = evenA0;
  let oddC1 = evenA0;
  let p = x;
  let q = x + xStep;
  let r = q + xStep;
  let l0 = line;
  let l1 = line + step;
  const pairs = x + (depth & ~7) * 4;
  while (p < pairs) {
    let v0 = v128.load(l0);
    let v1 = v128.load(l1);
    let v = v128.load(p);
    evenA0 = madd(v, v0, evenA0);
    evenA1 = madd(v, v1, evenA1);
    v = v128.load(q);
    evenB0 = madd(v, v0, evenB0);
    evenB1 = madd(v, v1, evenB1);
    if (isThree) {
      v = v128.load(r);
      evenC0 = madd(v, v0, evenC0);
      evenC1 = madd(v, v1, evenC1);
    }
    v0 = v128.load(l0, 16);
    v1 = v128.load(l1, 16);
    v = v128.load(p, 16);
    oddA0 = madd(v, v0, oddA0);
    oddA1 = madd(v, v1, oddA1);
    v = v128.load(q, 16);
    oddB0 = madd(v, v0, oddB0);
    oddB1 = madd(v, v1, oddB1);
    if (isThree) {
      v = v128.load(r, 16);
      oddC0 = madd(v, v0, oddC0);
      oddC1 = madd(v, v1, oddC1);
      r += 32;
    }
    p += 32;
    q += 32;
    l0 += 32;
    l1 += 32;
  }
  if (depth & 4) {
    const v0 = v128.load(l0);
    const v1 = v128.load(l1);
    evenA0 = madd(v128.load(p), v0, evenA0);
    evenA1 = madd(v128.load(p), v1, evenA1);
    evenB0 = madd(v128.load(q), v0, evenB0);
    evenB1 = madd(v128.load(q), v1, evenB1);
    if (isThree) {
      evenC0 = madd(v128.load(r), v0, evenC0);
      evenC1 = madd(v128.load(r), v1, evenC1);
    }
  }
  const sums = sumsOfFour(
    f32x4.add(evenA0, oddA0),
    f32x4.add(evenA1, oddA1),
    f32x4.add(evenB0, oddB0),
    f32x4.add(evenB1, oddB1),
  );
  v128.store_lane<f32>(result, sums, 0);
  v128.store_lane<f32>(result + resultStep, sums, 1);
  v128.store_lane<f32>(result + rowStep, sums, 2);
  v128.store_lane<f32>(result + rowStep + resultStep, sums, 3);
  if (isThree) {
    const ofThird = sumsOfFour(f32x4.add(evenC0, oddC0), f32x4.add(evenC1, oddC1), evenC0, evenC1);
    v128.store_lane<f32>(result + 2 * rowStep, ofThird, 0);
    v128.store_lane<f32>(result + 2 * rowStep + resultStep, ofThird, 1);
  }
  if ((depth & 3) == 0) return;
  addRests(x, line, step, result, resultStep, 2, depth);
  addRests(x + xStep, line, step, result + rowStep, resultStep, 2, depth);
  if (isThree) addRests(x + 2 * xStep, line, step, result + 2 * rowStep, resultStep, 2, depth);
}

/** Two rows and more against two lines: by three where that leaves no single one and there are registers for it (see `TALL_ROWS`). */
function allByTwo(x: usize, rows: usize, line: usize, step: usize, result: usize, resultStep: usize, columns: usize, depth: usize): void {
  const xStep = depth * 4;
  const rowStep = columns * 4;
  let row: usize = 0;
  while (row < rows) {
    const left = x + row * xStep;
    const target = result + row * rowStep;
    const rest = rows - row;
    if (ASC_FEATURE_RELAXED_SIMD && rest > 2 && rest != 4) {
      rowsByTwo(true, left, xStep, line, step, target, resultStep, rowStep, depth);
      row += 3;
    } else if (rest > 1) {
      rowsByTwo(false, left, xStep, line, step, target, resultStep, rowStep, depth);
      row += 2;
    } else {
      store<f32>(target, dot(left, line, depth));
      store<f32>(target + resultStep, dot(left, line + step, depth));
      row++;
    }
  }
}

/** result[row, line] = x[row] · lines[line] for lines `from` … `to`; x is [rows, depth], result [rows, columns]. */
export function dotRows(x: usize, lines: usize, result: usize, rows: usize, depth: usize, columns: usize, from: usize, to: usize): void {
  const lineBytes = depth * 4;
  // Of four equal stretches of lines one line each.
  const stretch = (to - from) / LINES;
  const step = stretch * lineBytes;
  const resultStep = stretch * 4;
  for (let line = from; line < from + stretch; line++) {
    const source = lines + line * lineBytes;
    const target = result + line * 4;
    // The first row reads the lines from where they are, the others from the nearest cache.
    oneByFour(x, source, step, target, resultStep, depth);
    if (rows == 2) {
      oneByFour(x + lineBytes, source, step, target + columns * 4, resultStep, depth);
    } else if (rows > 2) {
      const others = x + lineBytes;
      const theirs = target + columns * 4;
      allByTwo(others, rows - 1, source, step, theirs, resultStep, columns, depth);
      allByTwo(others, rows - 1, source + 2 * step, step, theirs + 2 * resultStep, resultStep, columns, depth);
    }
  }
  for (let line = from + stretch * LINES; line < to; line++) {
    for (let row: usize = 0; row < rows; row++) {
      store<f32>(result + (row * columns + line) * 4, dot(x + row * lineBytes, lines + line * lineBytes, depth));
    }
  }
}
