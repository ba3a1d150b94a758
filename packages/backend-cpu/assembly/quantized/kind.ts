/** The kinds of products with whole numbers that have a loop of their own. */

/** What a line's weights are and what they are multiplied with: see `entryBytes` in `activations.ts`. */
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
export function weightBytes(kind: Kind): usize {
  return kind == Kind.int8 ? 32 : 16;
}

// @ts-ignore: decorator
@inline
export function entryOf(kind: Kind): usize {
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
