/**
 * Dot products of prepared activations with lines of packed weights, four lines at a time. What a block adds up to is an
 * exact integer, so that engines with and without relaxed SIMD agree on it.
 *
 * The loops are written for what engines make of them: pointers move on, since an address that is computed costs as much
 * as a product; factors come by a load that repeats them; and a constant lies in memory, since it would otherwise be put
 * together again at each use.
 */
import { madd, sumLanes } from "../math";
import { BLOCK, blocksOf, correctionsOffset, GROUP, scalesOffset } from "./activations";

/** Bits of a half, sign-extended and moved up, that are those of a float of 2^-112 times its value. */
const HALF_BITS: u32 = 0x8fffe000;
/** The signs of nibbles, the nibbles, the bits of halves, and what low and high bytes count, as pairs of 16 bits. */
const MASKS: usize = memory.data<u32>([0x88888888, 0x0f0f0f0f, HALF_BITS, 0x00010001, 0x01000100]);
const HALF_SCALE: f32 = 5192296858534827628530496329220096.0;
/** What is left of the exponents: see `activations.ts`. */
const LEFT_OVER: f32 = 65536.0;

/** What a line's weights are and what they are multiplied with: see `entryBytes`. */
export enum Kind {
  int8,
  int4,
  int4ByBytes,
  /** As `int4ByBytes`, where four products are added up in one instruction. */
  int4ByBytesFused,
}

/** Bytes of a block of weights. */
// @ts-ignore: decorator
@inline
function weightBytes(kind: Kind): usize {
  return kind == Kind.int8 ? 32 : 16;
}

// @ts-ignore: decorator
@inline
function entryOf(kind: Kind): usize {
  return kind == Kind.int8 || kind == Kind.int4 ? 2 : 1;
}

/** 127, and 255 as a byte, which a relaxed product may take for -1. */
const PROBE: usize = memory.data<u32>([0x7f7f7f7f, 0xffffffff]);

/**
 * Whether four products of bytes are one instruction on this processor, and not five: those five add up pairs within 16 bits,
 * so that bytes beyond the seven bits that are promised give themselves away by what they are cut off at.
 */
export function hasFusedDot(): bool {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const bytes = v128.load32_splat(PROBE);
    const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(bytes, v128.load32_splat(PROBE, 4), i32x4.splat(0));
    return i32x4.extract_lane(sums, 0) != 2 * 32_767;
  }
  return false;
}

/** Lines that are worked off at once. */
const LINES: usize = 4;

/** What a thread needs in its work area: the factors of every block of the lines. */
export function quantizedAreaBytes(depth: usize): usize {
  return LINES * blocksOf(depth) * 4;
}

// @ts-ignore: decorator
@inline
function movedHalves(source: usize, halfBits: v128): v128 {
  return v128.and(i32x4.shl(v128.load16x4_s(source), 13), halfBits);
}

/**
 * The factors of a line's blocks, scale times scale, filled up with zeros; returns what int4's corrections add up to.
 */
// @ts-ignore: decorator
@inline
function prepareFactors(x: usize, scales: usize, factors: usize, depth: usize, kind: Kind, halfBits: v128): v128 {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  const activationScales = x + scalesOffset(depth, entryOf(kind));
  const corrections = x + correctionsOffset(depth, entryOf(kind));
  let correction = f32x4.splat(0);
  for (let block: usize = 0; block < blocks; block += GROUP) {
    let halves = movedHalves(scales + block * 2, halfBits);
    // The scales behind the line's last are the next line's, or nobody's.
    if (block + GROUP > blocks) halves = v128.and(halves, firstLanes(blocks - block));
    const factor = f32x4.mul(f32x4.mul(halves, f32x4.splat(HALF_SCALE)), v128.load(activationScales + block * 4));
    v128.store(factors + block * 4, factor);
    if (kind != Kind.int8) correction = madd(factor, v128.load(corrections + block * 4), correction);
  }
  return correction;
}

// @ts-ignore: decorator
@inline
function firstLanes(count: usize): v128 {
  return i32x4.gt_s(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3));
}

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
    return i32x4.add(i32x4.dot_i16x8_s(low, v128.load32_splat(MASKS, 12)), i32x4.dot_i16x8_s(high, v128.load32_splat(MASKS, 16)));
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
    return i32x4.dot_i16x8_s(pairs, v128.load32_splat(MASKS, 12));
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
  const scaleStep = stretch * blocks * 2;
  const factorBytes = blocksOf(depth) * 4;
  const signs = v128.load32_splat(MASKS);
  const nibbles = v128.load32_splat(MASKS, 4);
  const halfBits = v128.load32_splat(MASKS, 8);
  let factorA = area;
  const firstScales = scales + line * blocks * 2;
  let a = prepareFactors(x, firstScales, factorA, depth, kind, halfBits);
  let b = prepareFactors(x, firstScales + scaleStep, factorA + factorBytes, depth, kind, halfBits);
  let c = prepareFactors(x, firstScales + 2 * scaleStep, factorA + 2 * factorBytes, depth, kind, halfBits);
  let d = prepareFactors(x, firstScales + 3 * scaleStep, factorA + 3 * factorBytes, depth, kind, halfBits);
  let factorB = factorA + factorBytes;
  let factorC = factorB + factorBytes;
  let factorD = factorC + factorBytes;
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

// @ts-ignore: decorator
@inline
function oneLine(x: usize, words: usize, scales: usize, line: usize, depth: usize, kind: Kind, area: usize): f32 {
  const blocks = (depth + BLOCK - 1) / BLOCK;
  const signs = v128.load32_splat(MASKS);
  const nibbles = v128.load32_splat(MASKS, 4);
  let sum = prepareFactors(x, scales + line * blocks * 2, area, depth, kind, v128.load32_splat(MASKS, 8));
  for (let index: usize = 0; index < blocks; index++) {
    const products = block(x + index * BLOCK * entryOf(kind), words + (line * blocks + index) * weightBytes(kind), kind, signs, nibbles);
    sum = madd(products, v128.load32_splat(area + index * 4), sum);
  }
  return sumLanes(sum);
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
      const target = result + (row * columns + line) * 4;
      store<f32>(target, oneLine(x + row * rowBytes, words, scales, line, depth, kind, area));
    }
  }
}

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
  const halfBits = v128.load32_splat(MASKS, 8);
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
