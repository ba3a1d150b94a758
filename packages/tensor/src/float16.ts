/** IEEE half precision in host memory: rounding to it and back, and two of them in a 32-bit word. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The 16 bits of the half nearest to `value`, ties to even; beyond the range infinity. */
export function toHalf(value: number): number {
  float[0] = value;
  return halfOfBits(bits[0] as number);
}

/** As `toHalf`, for the 32 bits of a float32. */
export function halfOfBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 0xff;
  const mantissa = word & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  const halfExponent = exponent - 127 + 15;
  if (halfExponent >= 31) return sign | 0x7c00;
  if (halfExponent <= 0) {
    // A subnormal: whole multiples of 2^-24.
    if (halfExponent < -10) return sign;
    return sign | roundShift(mantissa | 0x800000, 14 - halfExponent);
  }
  // A carry out of the mantissa raises the exponent, as it should.
  return sign | ((halfExponent << 10) + roundShift(mantissa, 13));
}

/** The value of a half. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Halves in pairs, the first in the low bits; an odd one is followed by a zero. */
export function packHalves(values: ArrayLike<number>): Int32Array {
  const words = new Int32Array(Math.ceil(values.length / 2));
  for (let index = 0; index < values.length; index++) {
    const word = words[index >> 1] as number;
    words[index >> 1] = word | (toHalf(values[index] as number) << (index % 2 === 0 ? 0 : 16));
  }
  return words;
}

/** The half at an index of what `packHalves` returned. */
export function unpackHalf(words: ArrayLike<number>, index: number): number {
  return fromHalf(((words[index >> 1] as number) >>> (index % 2 === 0 ? 0 : 16)) & 0xffff);
}

/** `value / 2^shift`, rounded to the nearest whole number, ties to even. */
function roundShift(value: number, shift: number): number {
  // Carries from exactly half on where the result is odd, and from above half where it is even: no branch to guess.
  const odd = (value >>> shift) & 1;
  return (value + (1 << (shift - 1)) - 1 + odd) >>> shift;
}
