/** Turns pairs (i, i + headDim / 2) of each head by the angle of the row's position. */
import { positionOf } from "./ahead";
import { Part } from "./parts";
import { grainOf, parallel } from "./threads";

@unmanaged
export class RotaryEmbedding {
  x: usize;
  cos: usize;
  sin: usize;
  y: usize;
  batch: usize;
  time: usize;
  heads: usize;
  headDim: usize;
  offset: usize;
  iterations: usize;
  /** 1 turns forth, -1 back. */
  sign: f32;
  /** Of the tables. */
  positions: usize;
  /** By how many positions each entry of the batch is ahead of the offset, `[batch]`; 0 where all begin there. */
  ahead: usize;
}

export function rotaryEmbedding(a: RotaryEmbedding): void {
  parallel(Part.turnRows, changetype<usize>(a), a.batch * a.time, grainOf(a.heads * a.headDim));
}

/** Rows of [batch · time]. */
export function rotaryEmbeddingPart(a: RotaryEmbedding, from: usize, to: usize): void {
  const half = a.headDim / 2;
  const whole = half & ~3;
  const sign = a.sign;
  const signs = f32x4.splat(sign);
  for (let row = from; row < to; row++) {
    const position = positionOf(a.offset, a.ahead, row / a.time) + <isize>((row % a.time) / a.iterations);
    const angles = <usize>max<isize>(0, min<isize>(position, <isize>a.positions - 1)) * half * 4;
    for (let head: usize = 0; head < a.heads; head++) {
      const first = (row * a.heads + head) * a.headDim * 4;
      const second = first + half * 4;
      for (let i: usize = 0; i < whole * 4; i += 16) {
        const c = v128.load(a.cos + angles + i);
        const s = f32x4.mul(v128.load(a.sin + angles + i), signs);
        const x = v128.load(a.x + first + i);
        const y = v128.load(a.x + second + i);
        v128.store(a.y + first + i, f32x4.sub(f32x4.mul(x, c), f32x4.mul(y, s)));
        v128.store(a.y + second + i, f32x4.add(f32x4.mul(y, c), f32x4.mul(x, s)));
      }
      for (let i = whole * 4; i < half * 4; i += 4) {
        const c = load<f32>(a.cos + angles + i);
        const s = load<f32>(a.sin + angles + i) * sign;
        const x = load<f32>(a.x + first + i);
        const y = load<f32>(a.x + second + i);
        store<f32>(a.y + first + i, x * c - y * s);
        store<f32>(a.y + second + i, y * c + x * s);
      }
    }
  }
}
