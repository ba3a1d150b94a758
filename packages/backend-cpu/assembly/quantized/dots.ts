/**
 * Dot products of prepared activations with lines of packed weights, four lines at a time. What a block adds up to is an
 * exact integer, so that engines with and without relaxed SIMD agree on it.
 *
 * The loops are written for what engines make of them: pointers move on, since an address that is computed costs as much
 * as a product; factors come by a load that repeats them; and a constant lies in memory, since it would otherwise be put
 * together again at each use.
 */
import { madd, sumLanes } from "../math";
import { BLOCK, LINES } from "./activations";
import { factorBytes, prepareFactors } from "./factors";
import { entryOf, Kind, weightBytes } from "./kind";

/** The signs of nibbles, the nibbles, and what low and high bytes count, as pairs of 16 bits. */
const MASKS: usize = memory.data<u32>([0x88888888, 0x0f0f0f0f, 0x00010001, 0x01000100]);

// @ts-ignore: decorator
@inline
function int8Block(x: usize, line: usize): v128 {
  const first = i32x4.dot_i16x8_s(v128.load(x), v128.load8x8_s(line));
  const second = i32x4.dot_i16x8_s(v128.load(x, 16), v128.load8x8_s(line, 8));
  const third = i32x4.dot_i16x8_s(v128.load(x, 32), v128.load8x8_s(line, 16));
  const fourth = i32x4.dot_i16x8_s(v128.load(x, 48), v128.load8x8_s(line, 24));
  return i32x4.add(i32x4.add(first, second), i32x4.add(third, fourth));
}

/** The nibbles as 0 … 15. */
// @ts-ignore: decorator
@inline
function int4Block(x: usize, line: usize, signs: v128, nibbles: v128): v128 {
  const bytes = v128.xor(v128.load(line), signs);
  const evens = v128.and(bytes, nibbles);
  const odds = v128.and(i16x8.shr_u(bytes, 4), nibbles);
  if (ASC_FEATURE_RELAXED_SIMD) {
    // Sums of two products of a byte and a nibble, and sums of two of those, fit 16 bits. The dot product that adds up to 32 bits
    // at once is one instruction on few processors, and five on the others.
    const low = i16x8.add(
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x), evens),
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x, 32), odds),
    );
    const high = i16x8.add(
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x, 16), evens),
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x, 48), odds),
    );
    return i32x4.add(i32x4.dot_i16x8_s(low, v128.load32_splat(MASKS, 8)), i32x4.dot_i16x8_s(high, v128.load32_splat(MASKS, 12)));
  }
  const first = i32x4.dot_i16x8_s(v128.load(x), i16x8.extend_low_i8x16_s(evens));
  const second = i32x4.dot_i16x8_s(v128.load(x, 16), i16x8.extend_high_i8x16_s(evens));
  const third = i32x4.dot_i16x8_s(v128.load(x, 32), i16x8.extend_low_i8x16_s(odds));
  const fourth = i32x4.dot_i16x8_s(v128.load(x, 48), i16x8.extend_high_i8x16_s(odds));
  return i32x4.add(i32x4.add(first, second), i32x4.add(third, fourth));
}

/** As `int4Block`, with activations that are bytes: four products of a byte and a nibble fit 16 bits. Needs relaxed SIMD. */
// @ts-ignore: decorator
@inline
function int4BlockByBytes(x: usize, line: usize, signs: v128, nibbles: v128, isFused: bool): v128 {
  const bytes = v128.xor(v128.load(line), signs);
  const evens = v128.and(bytes, nibbles);
  const odds = v128.and(i16x8.shr_u(bytes, 4), nibbles);
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (isFused) {
      const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x), evens, i32x4.splat(0));
      return i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(x, 16), odds, sums);
    }
    const pairs = i16x8.add(
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x), evens),
      i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(x, 16), odds),
    );
    return i32x4.dot_i16x8_s(pairs, v128.load32_splat(MASKS, 8));
  }
  return unreachable();
}

// @ts-ignore: decorator
@inline
function block(x: usize, line: usize, kind: Kind, signs: v128, nibbles: v128): v128 {
  if (kind == Kind.int8) return f32x4.convert_i32x4_s(int8Block(x, line));
  if (kind == Kind.int4) return f32x4.convert_i32x4_s(int4Block(x, line, signs, nibbles));
  return f32x4.convert_i32x4_s(int4BlockByBytes(x, line, signs, nibbles, kind == Kind.int4ByBytesFused));
}

/** Four lines of int8 or int4, `stretch` lines apart, from line `line` on. */
// @ts-ignore: decorator
@inline
function fourLines(
  x: usize,
  words: usize,
  scales: usize,
  line: usize,
  stretch: usize,
  result: usize,
  depth: usize,
  kind: Kind,
  area: usize,
): void {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  const lineBytes = blocks * weightBytes(kind);
  const step = stretch * lineBytes;
  prepareFactors(x, scales + line * blocks * 2, stretch * blocks * 2, area, depth, kind);
  const signs = v128.load32_splat(MASKS);
  const nibbles = v128.load32_splat(MASKS, 4);
  let factorA = area;
  let factorB = factorA + factorBytes(depth);
  let factorC = factorB + factorBytes(depth);
  let factorD = factorC + factorBytes(depth);
  const sums = factorD + factorBytes(depth);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = v128.load(sums, 32);
  let d = v128.load(sums, 48);
  let lineA = words + line * lineBytes;
  let lineB = lineA + step;
  let lineC = lineB + step;
  let lineD = lineC + step;
  let values = x;
  const end = x + blocks * BLOCK * entryOf(kind);
  while (values < end) {
    a = madd(block(values, lineA, kind, signs, nibbles), v128.load32_splat(factorA), a);
    b = madd(block(values, lineB, kind, signs, nibbles), v128.load32_splat(factorB), b);
    c = madd(block(values, lineC, kind, signs, nibbles), v128.load32_splat(factorC), c);
    d = madd(block(values, lineD, kind, signs, nibbles), v128.load32_splat(factorD), d);
    values += BLOCK * entryOf(kind);
    lineA += weightBytes(kind);
    lineB += weightBytes(kind);
    lineC += weightBytes(kind);
    lineD += weightBytes(kind);
    factorA += 4;
    factorB += 4;
    factorC += 4;
    factorD += 4;
  }
  store<f32>(result, sumLanes(a));
  store<f32>(result + stretch * 4, sumLanes(b));
  store<f32>(result + stretch * 8, sumLanes(c));
  store<f32>(result + stretch * 12, sumLanes(d));
}

/**
 * result[row, line] = x[row] · line, for lines `from` … `to` of int8 or int4; x is prepared rows, `rowBytes` apart. Of four
 * equal stretches of lines one line each: see `matrix/few-rows.ts`.
 */
// @ts-ignore: decorator
@inline
export function dotBlocks(
  x: usize,
  rowBytes: usize,
  rows: usize,
  words: usize,
  scales: usize,
  result: usize,
  columns: usize,
  depth: usize,
  kind: Kind,
  from: usize,
  to: usize,
  area: usize,
): void {
  const stretch = (to - from) / LINES;
  for (let line = from; line < from + stretch; line++) {
    for (let row: usize = 0; row < rows; row++) {
      const target = result + (row * columns + line) * 4;
      fourLines(x + row * rowBytes, words, scales, line, stretch, target, depth, kind, area);
    }
  }
  for (let line = from + stretch * LINES; line < to; line++) {
    for (let row: usize = 0; row < rows; row++) {
      // As four lines that are one.
      const target = result + (row * columns + line) * 4;
      fourLines(x + row * rowBytes, words, scales, line, 0, target, depth, kind, area);
    }
  }
}
