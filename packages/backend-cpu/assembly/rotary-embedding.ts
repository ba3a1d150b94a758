/** Turns the pairs (x_i, x_{i + half}) of every head by the angles of its position; `sign` is -1 to turn back. */
export function rotaryEmbedding(
  x: usize,
  cos: usize,
  sin: usize,
  y: usize,
  batch: usize,
  time: usize,
  heads: usize,
  headDim: usize,
  offset: usize,
  iterations: usize,
  sign: f32,
): void {
  const half = headDim / 2;
  for (let b: usize = 0; b < batch; b++) {
    for (let t: usize = 0; t < time; t++) {
      const angles = (offset + t / iterations) * half * 4;
      for (let head: usize = 0; head < heads; head++) {
        const row = (((b * time + t) * heads + head) * headDim) * 4;
        for (let i: usize = 0; i < half; i++) {
          const c = load<f32>(cos + angles + i * 4);
          const s = load<f32>(sin + angles + i * 4) * sign;
          const first = load<f32>(x + row + i * 4);
          const second = load<f32>(x + row + (half + i) * 4);
          store<f32>(y + row + i * 4, first * c - second * s);
          store<f32>(y + row + (half + i) * 4, second * c + first * s);
        }
      }
    }
  }
}
