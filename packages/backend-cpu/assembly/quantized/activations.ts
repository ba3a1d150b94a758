/**
 * Activations for products with packed weights, prepared once for all lines of the matrix.
 *
 * For int8 and int4 they become integers with a scale for each block of 32, so that a block's products add up exactly. The
 * largest is 127 · 256 (16 bits, and an integer is also two signed bytes), or 127 where the kernel says that activations are
 * rounded to 8 bits. For f16 they stay floats, moved to an exponent from which the halves' own exponents need no correction.
 */

/** Entries that share a scale. */
export const BLOCK: usize = 32;
/** Blocks whose scales are read at once. */
export const GROUP: usize = 4;
/** Lines of the matrix that are worked off at once. */
export const LINES: usize = 4;

/** What the largest of a block becomes in 8 bits, and in 16. */
export const LARGEST_BYTE: f32 = 127;
const LARGEST_WORD: f32 = 32_512;

/** 2^-110: a block whose largest is below becomes zeros, since the quotient by it could overflow. */
const SMALLEST_PEAK: f32 = 7.703719777548943e-34;

/**
 * 1.5 · 2^23: a number added to it is rounded to a whole one, halves to the even one, which is what the bits of the sum are
 * more than its own.
 */
const SHIFT: usize = memory.data<f32>([12582912.0]);

/** 2^96: with the 2^-112 of a half's bits moved into a float as they are, 2^-16 is left. */
const MOVED: f32 = 79228162514264337593543950336.0;

/** Bytes of a prepared integer. Bytes and nibbles are multiplied as they are only with relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function entryBytes(bits: usize, activationBits: usize): usize {
  return ASC_FEATURE_RELAXED_SIMD && bits == 4 && activationBits == 8 ? 1 : 2;
}

/** What a row of prepared activations is made of: integers, then a scale and a correction for every block. */
// @ts-ignore: decorator
@inline
export function blocksOf(depth: usize): usize {
  return ((depth + BLOCK - 1) / BLOCK + GROUP - 1) & ~(GROUP - 1);
}

// @ts-ignore: decorator
@inline
export function scalesOffset(depth: usize, entry: usize): usize {
  return blocksOf(depth) * BLOCK * entry;
}

// @ts-ignore: decorator
@inline
export function correctionsOffset(depth: usize, entry: usize): usize {
  return scalesOffset(depth, entry) + blocksOf(depth) * 4;
}

export function preparedRowBytes(depth: usize, bits: usize, activationBits: usize): usize {
  if (bits == 16) return ((depth + 3) & ~3) * 4;
  return correctionsOffset(depth, entryBytes(bits, activationBits)) + blocksOf(depth) * 4;
}

/** @param padding 128 bytes of room, for the end of a row that is filled up with zeros */
export function prepareRows(
  x: usize,
  target: usize,
  rows: usize,
  depth: usize,
  bits: usize,
  activationBits: usize,
  padding: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const from = x + row * depth * 4;
    const to = target + row * preparedRowBytes(depth, bits, activationBits);
    if (bits == 16) moveRow(from, to, depth);
    else prepareRow(from, to, depth, bits, activationBits, padding);
  }
}

function moveRow(x: usize, target: usize, depth: usize): void {
  for (let i: usize = 0; i < depth; i++) store<f32>(target + i * 4, load<f32>(x + i * 4) * MOVED);
  for (let i = depth; i < ((depth + 3) & ~3); i++) store<f32>(target + i * 4, 0);
}

function prepareRow(x: usize, target: usize, depth: usize, bits: usize, activationBits: usize, padding: usize): void {
  const entry = entryBytes(bits, activationBits);
  const scales = target + scalesOffset(depth, entry);
  const corrections = target + correctionsOffset(depth, entry);
  const blocks = blocksOf(depth);
  const whole = depth / BLOCK;
  for (let block: usize = 0; block < blocks; block++) {
    const to = target + block * BLOCK * entry;
    const scaleAt = scales + block * 4;
    const correctionAt = corrections + block * 4;
    if (block < whole) {
      prepareBlock(x + block * BLOCK * 4, to, scaleAt, correctionAt, bits, activationBits);
      continue;
    }
    const count = block * BLOCK < depth ? depth - block * BLOCK : 0;
    memory.fill(padding, 0, BLOCK * 4);
    memory.copy(padding, x + block * BLOCK * 4, count * 4);
    prepareBlock(padding, to, scaleAt, correctionAt, bits, activationBits);
  }
}

/** The largest magnitude of a block, NaN where there is one: as integers, magnitudes are in the same order and NaN is above. */
// @ts-ignore: decorator
@inline
export function peakOf(x: usize): f32 {
  let peaks = f32x4.abs(v128.load(x));
  for (let i: usize = 16; i < BLOCK * 4; i += 16) peaks = i32x4.max_s(peaks, f32x4.abs(v128.load(x + i)));
  peaks = i32x4.max_s(peaks, v128.shuffle<i32>(peaks, peaks, 2, 3, 0, 1));
  peaks = i32x4.max_s(peaks, v128.shuffle<i32>(peaks, peaks, 1, 0, 3, 2));
  return f32x4.extract_lane(peaks, 0);
}

// @ts-ignore: decorator
@inline
export function inverseOf(peak: f32, largest: f32): f32 {
  return peak >= SMALLEST_PEAK ? largest / peak : 0;
}

// @ts-ignore: decorator
@inline
function eight(x: usize, inverse: v128): v128 {
  const shift = v128.load32_splat(SHIFT);
  const low = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x), inverse), shift), shift);
  const high = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x, 16), inverse), shift), shift);
  return i16x8.narrow_i32x4_s(low, high);
}

function prepareBlock(
  x: usize,
  target: usize,
  scaleAt: usize,
  correctionAt: usize,
  bits: usize,
  activationBits: usize,
): void {
  const peak = peakOf(x);
  const largest = activationBits == 8 ? LARGEST_BYTE : LARGEST_WORD;
  const inverse = f32x4.splat(inverseOf(peak, largest));
  const a = eight(x, inverse);
  const b = eight(x + 32, inverse);
  const c = eight(x + 64, inverse);
  const d = eight(x + 96, inverse);
  store<f32>(scaleAt, peak / largest);
  if (bits == 8) {
    v128.store(target, a);
    v128.store(target, b, 16);
    v128.store(target, c, 32);
    v128.store(target, d, 48);
    return;
  }
  // A byte of int4 holds an even entry and the odd one after it: the evens come first, then the odds.
  if (entryBytes(bits, activationBits) == 1) {
    const first = i8x16.narrow_i16x8_s(a, b);
    const second = i8x16.narrow_i16x8_s(c, d);
    v128.store(target, v128.shuffle<i8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
    v128.store(target, v128.shuffle<i8>(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 16);
  } else {
    storeWords(target, a, b, c, d);
  }
  // Nibbles are read as 0 … 15, eight too large: eight times the sum of the block goes off again.
  const ones = i16x8.splat(1);
  let sums = i32x4.add(i32x4.dot_i16x8_s(a, ones), i32x4.dot_i16x8_s(b, ones));
  sums = i32x4.add(sums, i32x4.add(i32x4.dot_i16x8_s(c, ones), i32x4.dot_i16x8_s(d, ones)));
  const sum =
    i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  store<f32>(correctionAt, <f32>(sum * -8));
}

// @ts-ignore: decorator
@inline
function storeWords(target: usize, a: v128, b: v128, c: v128, d: v128): void {
  const evens0 = v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
  const evens1 = v128.shuffle<i16>(c, d, 0, 2, 4, 6, 8, 10, 12, 14);
  const odds0 = v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
  const odds1 = v128.shuffle<i16>(c, d, 1, 3, 5, 7, 9, 11, 13, 15);
  if (ASC_FEATURE_RELAXED_SIMD) {
    storeBytes(target, evens0, evens1);
    storeBytes(target + 32, odds0, odds1);
  } else {
    v128.store(target, evens0);
    v128.store(target, evens1, 16);
    v128.store(target, odds0, 32);
    v128.store(target, odds1, 48);
  }
}

/** Sixteen integers as signed low bytes and what is left above them: q = 256 · high + low. */
// @ts-ignore: decorator
@inline
function storeBytes(target: usize, first: v128, second: v128): void {
  const low = v128.shuffle<i8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const half = i16x8.splat(128);
  const up = i16x8.add(first, half);
  const down = i16x8.add(second, half);
  const high = v128.shuffle<i8>(up, down, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  v128.store(target, low);
  v128.store(target, high, 16);
}
