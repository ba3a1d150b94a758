/** Weights in few bits, as the peers have them: blocks of 32 along the input, each with a scale. */

export const BLOCK = 32;

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

function largest(block: Float32Array): number {
  let found = 0;
  for (const value of block) found = Math.max(found, Math.abs(value));
  return found;
}
