/**
 * GGUF's formats of values to float32, block by block, as ggml defines them. Everything is little-endian; a "half" is an IEEE
 * float16.
 */
import { fromBfloat16, fromFloat16, halfValues } from "../half-floats.js";

/** Fills `into` with the values of whole blocks. */
export type Unpack = (blocks: Uint8Array, into: Float32Array) => void;

export const unpackF32: Unpack = (blocks, into) => {
  into.set(new Float32Array(blocks.buffer, blocks.byteOffset, into.length));
};

export const unpackF16: Unpack = (blocks, into) => {
  fromFloat16(new Uint16Array(blocks.buffer, blocks.byteOffset, into.length), into);
};

export const unpackBF16: Unpack = (blocks, into) => {
  fromBfloat16(new Uint16Array(blocks.buffer, blocks.byteOffset, into.length), into);
};

/** 32 entries in 34 bytes: the scale, a half, then signed bytes. */
export const unpackQ8_0: Unpack = (blocks, into) => {
  for (let at = 0, entry = 0; entry < into.length; at += 34, entry += 32) {
    const scale = halfAt(blocks, at);
    for (let index = 0; index < 32; index++) into[entry + index] = scale * signed(blocks[at + 2 + index] as number);
  }
};

/** 32 entries in 18 bytes: the scale, a half, then bytes of two entries each, i (low) and i + 16 (high), as nibble - 8. */
export const unpackQ4_0: Unpack = (blocks, into) => {
  for (let at = 0, entry = 0; entry < into.length; at += 18, entry += 32) {
    const scale = halfAt(blocks, at);
    for (let index = 0; index < 16; index++) {
      const pair = blocks[at + 2 + index] as number;
      into[entry + index] = scale * ((pair & 15) - 8);
      into[entry + index + 16] = scale * ((pair >> 4) - 8);
    }
  }
};

/**
 * 256 entries in 144 bytes: two halves, a scale of scales and one of minima; eight scales and eight minima of 6 bits in 12
 * bytes; then 128 bytes of nibbles. Of every 32 bytes the low nibbles are 32 entries, the high ones the next 32. An entry
 * is scale · nibble - minimum.
 */
export const unpackQ4_K: Unpack = (blocks, into) => {
  for (let at = 0, entry = 0; entry < into.length; at += 144, entry += 256) {
    const [scales, minima] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
    for (let group = 0; group < 8; group++) {
      const [six, sixMinimum] = sixBits(blocks, at + 4, group);
      const [scale, minimum] = [scales * six, minima * sixMinimum];
      const nibbles = at + 16 + 32 * (group >> 1);
      const shift = 4 * (group & 1);
      for (let index = 0; index < 32; index++) {
        into[entry + 32 * group + index] = scale * (((blocks[nibbles + index] as number) >> shift) & 15) - minimum;
      }
    }
  }
};

/**
 * 256 entries in 210 bytes: 128 bytes of low nibbles, 64 of two high bits each, 16 signed scales, and the scale of scales, a
 * half. An entry is scale · (six bits - 32). Either half of the block is four runs of 32 entries, which share the bytes of
 * high bits: run r has bits 2r and 2r + 1; runs 0 and 2 share bytes of nibbles, and so do 1 and 3.
 */
export const unpackQ6_K: Unpack = (blocks, into) => {
  for (let at = 0, entry = 0; entry < into.length; at += 210, entry += 256) {
    const scales = halfAt(blocks, at + 208);
    for (let run = 0; run < 8; run++) {
      const [half, quarter] = [run >> 2, run & 3];
      const nibbles = at + 64 * half + 32 * (quarter & 1);
      const shift = 4 * (quarter >> 1);
      const highBits = at + 128 + 32 * half;
      for (let index = 0; index < 32; index++) {
        const low = ((blocks[nibbles + index] as number) >> shift) & 15;
        const high = ((blocks[highBits + index] as number) >> (2 * quarter)) & 3;
        const scale = scales * signed(blocks[at + 192 + 2 * run + (index >> 4)] as number);
        into[entry + 32 * run + index] = scale * ((low | (high << 4)) - 32);
      }
    }
  }
};

/** Scale and minimum of a group: the first four have six bits of a byte each, the others are put together from what is left. */
function sixBits(blocks: Uint8Array, at: number, group: number): [scale: number, minimum: number] {
  const byte = (index: number) => blocks[at + index] as number;
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  const low = byte(group + 4);
  return [(low & 15) | ((byte(group - 4) >> 6) << 4), (low >> 4) | ((byte(group) >> 6) << 4)];
}

function halfAt(bytes: Uint8Array, at: number): number {
  return halfValues()[(bytes[at] as number) | ((bytes[at + 1] as number) << 8)] as number;
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}
