/** RMS norm over rows, and its gradient. */
import { dot, madd, sumLanes } from "./math";
import { Part } from "./parts";
import { grainOf, parallel } from "./threads";

@unmanaged
export class RmsNorm {
  x: usize;
  weight: usize;
  y: usize;
  rows: usize;
  size: usize;
  epsilon: f32;
}

@unmanaged
export class RmsNormGradient {
  dy: usize;
  x: usize;
  weight: usize;
  dx: usize;
  dWeight: usize;
  rows: usize;
  size: usize;
  epsilon: f32;
}

// @ts-ignore: decorator
@inline
function inverseScale(x: usize, size: usize, epsilon: f32): f32 {
  return <f32>1 / sqrt<f32>(dot(x, x, size) / <f32>size + epsilon);
}

/** y = x / sqrt(mean(x²) + epsilon) ⊙ weight, row by row. */
export function normRows(x: usize, weight: usize, y: usize, rows: usize, size: usize, epsilon: f32): void {
  const whole = size & ~3;
  for (let row: usize = 0; row < rows; row++) {
    const from = x + row * size * 4;
    const to = y + row * size * 4;
    const scale = inverseScale(from, size, epsilon);
    const scales = f32x4.splat(scale);
    for (let i: usize = 0; i < whole; i += 4) {
      v128.store(to + i * 4, f32x4.mul(f32x4.mul(v128.load(from + i * 4), scales), v128.load(weight + i * 4)));
    }
    for (let i = whole; i < size; i++) {
      store<f32>(to + i * 4, load<f32>(from + i * 4) * scale * load<f32>(weight + i * 4));
    }
  }
}

/** dx of one row; where `addTo` is not 0, dx = addTo + gradient. Returns the scale that the norm multiplied the row by. */
export function normRowGradient(dy: usize, x: usize, weight: usize, dx: usize, size: usize, epsilon: f32, addTo: usize): f32 {
  const scale = inverseScale(x, size, epsilon);
  const whole = size & ~3;
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 4) {
    sums = madd(f32x4.mul(v128.load(dy + i * 4), v128.load(weight + i * 4)), v128.load(x + i * 4), sums);
  }
  let along = sumLanes(sums);
  for (let i = whole; i < size; i++) {
    along += load<f32>(dy + i * 4) * load<f32>(weight + i * 4) * load<f32>(x + i * 4);
  }
  along = (along * scale * scale) / <f32>size;
  const alongs = f32x4.splat(along);
  const scales = f32x4.splat(scale);
  for (let i: usize = 0; i < whole; i += 4) {
    const scaled = f32x4.mul(v128.load(dy + i * 4), v128.load(weight + i * 4));
    let gradient = f32x4.mul(f32x4.sub(scaled, f32x4.mul(v128.load(x + i * 4), alongs)), scales);
    if (addTo) gradient = f32x4.add(v128.load(addTo + i * 4), gradient);
    v128.store(dx + i * 4, gradient);
  }
  for (let i = whole; i < size; i++) {
    const scaled = load<f32>(dy + i * 4) * load<f32>(weight + i * 4);
    const gradient = (scaled - load<f32>(x + i * 4) * along) * scale;
    store<f32>(dx + i * 4, addTo ? load<f32>(addTo + i * 4) + gradient : gradient);
  }
  return scale;
}

export function rmsNorm(a: RmsNorm): void {
  parallel(Part.normRows, changetype<usize>(a), a.rows, grainOf(a.size));
}

export function rmsNormPart(a: RmsNorm, from: usize, to: usize): void {
  const at = from * a.size * 4;
  normRows(a.x + at, a.weight, a.y + at, to - from, a.size, a.epsilon);
}

/** The gradient for the weight adds up over all rows, in their order: it stays on one thread. */
export function rmsNormGradient(a: RmsNormGradient): void {
  const size = a.size;
  const whole = size & ~3;
  memory.fill(a.dWeight, 0, size * 4);
  for (let row: usize = 0; row < a.rows; row++) {
    const at = row * size * 4;
    const dy = a.dy + at;
    const x = a.x + at;
    const scale = normRowGradient(dy, x, a.weight, a.dx + at, size, a.epsilon, 0);
    const scales = f32x4.splat(scale);
    for (let i: usize = 0; i < whole; i += 4) {
      const to = a.dWeight + i * 4;
      v128.store(to, madd(f32x4.mul(v128.load(dy + i * 4), v128.load(x + i * 4)), scales, v128.load(to)));
    }
    for (let i = whole; i < size; i++) {
      const to = a.dWeight + i * 4;
      store<f32>(to, load<f32>(to) + load<f32>(dy + i * 4) * load<f32>(x + i * 4) * scale);
    }
  }
}
