/** Weights in few bits, as the peers have them: blocks of 32 along the input, each with a scale. */
import { setFloat16 } from "@petamoriken/float16";

export const BLOCK = 32;

/** llama.cpp's Q8_0: a half, then 32 signed bytes. */
export function packQ8_0(values: Float32Array): Uint8Array {
  return packBlocks(values, 34, (block, view) => {
    const scale = largest(block) / 127;
    setFloat16(view, 0, scale, true);
    for (const [index, value] of block.entries()) view.setInt8(2 + index, scale === 0 ? 0 : Math.round(value / scale));
  });
}

/** llama.cpp's Q4_0: a half, then 16 bytes, in each the entries i (low) and i + 16 (high) as scale · (nibble - 8). */
export function packQ4_0(values: Float32Array): Uint8Array {
  return packBlocks(values, 18, (block, view) => {
    const extreme = block.reduce((found, value) => (Math.abs(value) > Math.abs(found) ? value : found), 0);
    // The entry of the largest magnitude becomes -8, the end of the range that reaches further.
    const scale = extreme / -8;
    setFloat16(view, 0, scale, true);
    const nibble = (value: number) => (scale === 0 ? 8 : Math.min(15, Math.floor(value / scale + 8.5)));
    for (let index = 0; index < BLOCK / 2; index++) {
      const [low, high] = [block[index] as number, block[index + BLOCK / 2] as number];
      view.setUint8(2 + index, nibble(low) | (nibble(high) << 4));
    }
  });
}

/** onnxruntime's MatMulNBits without zero points: unsigned, around the middle of the range; two nibbles a byte, lowest first. */
export function packMatMulNBits(values: Float32Array, bits: 4 | 8): { packed: Uint8Array; scales: Float32Array } {
  const blocks = values.length / BLOCK;
  const packed = new Uint8Array((values.length * bits) / 8);
  const scales = new Float32Array(blocks);
  const middle = 2 ** (bits - 1);
  for (let block = 0; block < blocks; block++) {
    const entries = values.subarray(block * BLOCK, (block + 1) * BLOCK);
    const scale = largest(entries) / (middle - 1);
    scales[block] = scale;
    for (let index = 0; index < BLOCK; index++) {
      const entry = middle + (scale === 0 ? 0 : Math.round((entries[index] as number) / scale));
      const place = ((block * BLOCK + index) * bits) / 8;
      packed[Math.floor(place)] = (packed[Math.floor(place)] as number) | (entry << (Number.isInteger(place) ? 0 : 4));
    }
  }
  return { packed, scales };
}

function packBlocks(
  values: Float32Array,
  bytesPerBlock: number,
  pack: (block: Float32Array, view: DataView) => void,
): Uint8Array {
  const bytes = new Uint8Array((values.length / BLOCK) * bytesPerBlock);
  for (let block = 0; block < values.length / BLOCK; block++) {
    pack(
      values.subarray(block * BLOCK, (block + 1) * BLOCK),
      new DataView(bytes.buffer, block * bytesPerBlock, bytesPerBlock),
    );
  }
  return bytes;
}

function largest(block: Float32Array): number {
  let found = 0;
  for (const value of block) found = Math.max(found, Math.abs(value));
  return found;
}
