/** Weights packed in f16, int8, int4 or nf4 (see `quantization.ts` of @sst/tensor) as rows of floats, for the packed product. */
import { Part } from "../parts";
import { grainOf, parallel } from "../threads";

@unmanaged
export class Unpack {
  words: usize;
  scales: usize;
  target: usize;
  rows: usize;
  columns: usize;
  /** 16, 8 or 4; 0 for nf4. */
  bits: usize;
}

/** What the nibbles of nf4 stand for (`nf4Values` of @sst/tensor). */
const normalFloats = memory.data<f32>([
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]);

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

/** `target` is `[rows, columns]`. */
export function unpackWeights(a: Unpack): void {
  parallel(Part.unpackRows, changetype<usize>(a), a.rows, grainOf(a.columns));
}

export function unpackRows(a: Unpack, from: usize, to: usize): void {
  if (a.bits == 16) unpackHalves(a, from, to);
  else if (a.bits == 0) unpackNormalFloats(a, from, to);
  else unpackBlocks(a, from, to);
}

function unpackHalves(a: Unpack, from: usize, to: usize): void {
  const stride = ((a.columns + 1) / 2) * 2;
  for (let row = from; row < to; row++) {
    for (let i: usize = 0; i < a.columns; i++) {
      store<f32>(a.target + (row * a.columns + i) * 4, halfAt(a.words, row * stride + i));
    }
  }
}

function unpackNormalFloats(a: Unpack, from: usize, to: usize): void {
  const blocks = (a.columns + 63) / 64;
  for (let row = from; row < to; row++) {
    const source = a.words + row * blocks * 32;
    for (let i: usize = 0; i < a.columns; i++) {
      const nibble = (<usize>load<u8>(source + i / 2) >> ((i & 1) * 4)) & 15;
      const scale = load<f32>(a.scales + (row * blocks + i / 64) * 4);
      store<f32>(a.target + (row * a.columns + i) * 4, scale * load<f32>(normalFloats + nibble * 4));
    }
  }
}

function unpackBlocks(a: Unpack, from: usize, to: usize): void {
  const blocks = (a.columns + 31) / 32;
  for (let row = from; row < to; row++) {
    for (let block: usize = 0; block < blocks; block++) {
      const scale = halfAt(a.scales, row * blocks + block);
      const source = a.words + (row * blocks + block) * a.bits * 4;
      const start = block * 32;
      const size = min(a.columns - start, 32);
      const target = a.target + (row * a.columns + start) * 4;
      for (let i: usize = 0; i < size; i++) {
        const integer =
          a.bits == 8 ? <i32>load<i8>(source + i) : (<i32>load<u8>(source + i / 2) << (28 - <i32>(i & 1) * 4)) >> 28;
        store<f32>(target + i * 4, scale * <f32>integer);
      }
    }
  }
}
