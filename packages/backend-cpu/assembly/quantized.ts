/** Weights packed in f16, int8 or int4 (see `quantization.ts` of @sst/tensor) as rows of floats, for the packed product. */

/** A half by its bits: the exponent moves by a multiplication, which is exact for subnormal halves too. */
// @ts-ignore: decorator
@inline
function half(bits: u32): f32 {
  const sign = (bits & 0x8000) << 16;
  const magnitude = (bits & 0x7fff) << 13;
  // 2^112: from a bias of 15 to one of 127. Exponent 31 is infinity or no number and stays one.
  if (magnitude >= 0x0f800000) return reinterpret<f32>(sign | magnitude | 0x70000000);
  return reinterpret<f32>(reinterpret<u32>(reinterpret<f32>(magnitude) * <f32>5192296858534827628530496329220096.0) | sign);
}

// @ts-ignore: decorator
@inline
function halfAt(words: usize, index: usize): f32 {
  return half(<u32>load<u16>(words + index * 2));
}

/** `bits` is 16, 8 or 4; `target` is `[rows, columns]`. */
export function unpackWeights(
  words: usize,
  scales: usize,
  target: usize,
  rows: usize,
  columns: usize,
  bits: usize,
): void {
  if (bits == 16) {
    const stride = (columns + 1) / 2 * 2;
    for (let row: usize = 0; row < rows; row++) {
      for (let i: usize = 0; i < columns; i++) {
        store<f32>(target + (row * columns + i) * 4, halfAt(words, row * stride + i));
      }
    }
    return;
  }
  const blocks = (columns + 31) / 32;
  for (let row: usize = 0; row < rows; row++) {
    for (let block: usize = 0; block < blocks; block++) {
      const scale = halfAt(scales, row * blocks + block);
      const source = words + (row * blocks + block) * bits * 4;
      const start = block * 32;
      const size = min(columns - start, 32);
      const to = target + (row * columns + start) * 4;
      for (let i: usize = 0; i < size; i++) {
        const integer = bits == 8 ? <i32>load<i8>(source + i) : ((<i32>load<u8>(source + i / 2) << (28 - <i32>(i & 1) * 4)) >> 28);
        store<f32>(to + i * 4, scale * <f32>integer);
      }
    }
  }
}
