/** RMS norm over rows, and its gradient. */
import { dot } from "./math";

// @ts-ignore: decorator
@inline
function inverseScale(x: usize, size: usize, epsilon: f32): f32 {
  return <f32>1 / sqrt<f32>(dot(x, x, size) / <f32>size + epsilon);
}

/** y = x / sqrt(mean(x²) + epsilon) ⊙ weight, row by row. */
export function rmsNorm(x: usize, weight: usize, y: usize, rows: usize, size: usize, epsilon: f32): void {
  for (let row: usize = 0; row < rows; row++) {
    const from = x + row * size * 4;
    const to = y + row * size * 4;
    const scale = inverseScale(from, size, epsilon);
    for (let i: usize = 0; i < size; i++) {
      store<f32>(to + i * 4, load<f32>(from + i * 4) * scale * load<f32>(weight + i * 4));
    }
  }
}

/** dx of one row; where `addTo` is not 0, dx = addTo + gradient. */
export function rmsNormInputGradient(dy: usize, x: usize, weight: usize, dx: usize, size: usize, epsilon: f32, addTo: usize): void {
  const scale = inverseScale(x, size, epsilon);
  let along: f32 = 0;
  for (let i: usize = 0; i < size; i++) {
    along += load<f32>(dy + i * 4) * load<f32>(weight + i * 4) * load<f32>(x + i * 4);
  }
  along = (along * scale * scale) / <f32>size;
  for (let i: usize = 0; i < size; i++) {
    const scaled = load<f32>(dy + i * 4) * load<f32>(weight + i * 4);
    const gradient = (scaled - load<f32>(x + i * 4) * along) * scale;
    store<f32>(dx + i * 4, addTo ? load<f32>(addTo + i * 4) + gradient : gradient);
  }
}

/** The gradients for x and weight. */
export function rmsNormGradient(
  dy: usize,
  x: usize,
  weight: usize,
  dx: usize,
  dWeight: usize,
  rows: usize,
  size: usize,
  epsilon: f32,
): void {
  memory.fill(dWeight, 0, size * 4);
  for (let row: usize = 0; row < rows; row++) {
    const at = row * size * 4;
    rmsNormInputGradient(dy + at, x + at, weight, dx + at, size, epsilon, 0);
    const scale = inverseScale(x + at, size, epsilon);
    for (let i: usize = 0; i < size; i++) {
      const gradient = load<f32>(dy + at + i * 4) * load<f32>(x + at + i * 4) * scale;
      store<f32>(dWeight + i * 4, load<f32>(dWeight + i * 4) + gradient);
    }
  }
}
