/** Halves as floats: their bits are moved into those of a float, and the exponent is put right by a factor. */

/** Bits of a half, sign-extended and moved up, that are those of a float of 2^-112 times its value. */
export const HALF_BITS: u32 = 0x8fffe000;
/** The same in memory: see `dots.ts`. */
export const halfBitsAt: usize = memory.data<u32>([HALF_BITS]);

/** Four halves, as floats of 2^-112 times their values. */
// @ts-ignore: decorator
@inline
export function movedHalves(source: usize, halfBits: v128): v128 {
  return v128.and(i32x4.shl(v128.load16x4_s(source), 13), halfBits);
}
