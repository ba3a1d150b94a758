/** float32 to GGUF's formats, block by block. What they are is in `unpack-blocks.ts`. */
import { fromHalf, SstError, toHalf } from "@sst/tensor";
import { toBfloat16 } from "../half-floats.js";

/** The bytes of whole blocks. @throws SstError `not-finite` for values beyond a format's range */
export type Pack = (values: Float32Array) => Uint8Array;

export const packF32: Pack = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);

export const packF16: Pack = (values) => bytesOf(Uint16Array.from(values, finiteHalf));

export const packBF16: Pack = (values) => {
  const bad = values.findIndex((value) => !(Math.abs(value) < 2 ** 127 * (2 - 2 ** -8)));
  if (bad >= 0) throw beyond(values[bad] as number, "bfloat16 holds: write it as F32");
  return bytesOf(toBfloat16(values));
};

/** Off by half a step at most, where a step is the 127th part of a block's largest magnitude. */
export const packQ8_0: Pack = (values) =>
  packBlocks(values, 34, (block, bytes) => {
    const scale = writeHalf(bytes, Math.abs(extremeOf(block)) / 127);
    for (const [index, value] of block.entries()) bytes[2 + index] = nearest(value, scale, -127, 127);
  });

/**
 * Off by half a step at most, where a step is the 8th part of a block's largest magnitude; by a whole one at the end of the
 * range that reaches less far: steps go from -8 to 7, and the entry of the largest magnitude is -8.
 */
export const packQ4_0: Pack = (values) =>
  packBlocks(values, 18, (block, bytes) => {
    const scale = writeHalf(bytes, extremeOf(block) / -8);
    const nibble = (index: number) => nearest(block[index] as number, scale, -8, 7) + 8;
    for (let index = 0; index < 16; index++) bytes[2 + index] = nibble(index) | (nibble(index + 16) << 4);
  });

function packBlocks(
  values: Float32Array,
  blockBytes: number,
  pack: (block: Float32Array, bytes: Uint8Array) => void,
): Uint8Array {
  const blocks = values.length / 32;
  const bytes = new Uint8Array(blocks * blockBytes);
  for (let block = 0; block < blocks; block++) {
    pack(values.subarray(32 * block, 32 * (block + 1)), bytes.subarray(blockBytes * block, blockBytes * (block + 1)));
  }
  return bytes;
}

function extremeOf(block: Float32Array): number {
  let extreme = 0;
  for (const value of block) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  return extreme;
}

/** In steps of the scale as it was written. */
function nearest(value: number, scale: number, least: number, most: number): number {
  return scale === 0 ? 0 : Math.min(most, Math.max(least, Math.round(value / scale)));
}

/** At a block's beginning. @returns the value that it has there */
function writeHalf(bytes: Uint8Array, value: number): number {
  const half = finiteHalf(value);
  bytes[0] = half & 0xff;
  bytes[1] = half >> 8;
  return fromHalf(half);
}

function finiteHalf(value: number): number {
  const half = toHalf(value);
  if ((half & 0x7c00) !== 0x7c00) return half;
  throw beyond(value, "a half holds (65504): write it as BF16 or F32");
}

function beyond(value: number, what: string): SstError {
  return new SstError("not-finite", `${value} is beyond what ${what}`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
