/** The affine recurrence and its gradient: on one thread the plain loop over time is the fastest scan. */

/** s_t = coefficient_t ⊙ s_{t-1} + offset_t. */
export function affineScan(
  coefficient: usize,
  offset: usize,
  s: usize,
  batch: usize,
  time: usize,
  hidden: usize,
): void {
  const bytes = hidden * 4;
  for (let b: usize = 0; b < batch; b++) {
    const first = b * time * bytes;
    memory.copy(s + first, offset + first, bytes);
    for (let t: usize = 1; t < time; t++) {
      const row = first + t * bytes;
      for (let i: usize = 0; i < bytes; i += 4) {
        const before = load<f32>(s + row - bytes + i);
        store<f32>(s + row + i, load<f32>(coefficient + row + i) * before + load<f32>(offset + row + i));
      }
    }
  }
}

/** dOffset_t = ds_t + coefficient_{t+1} ⊙ dOffset_{t+1}; dCoefficient_t = dOffset_t ⊙ s_{t-1}. */
export function affineScanGradient(
  ds: usize,
  coefficient: usize,
  s: usize,
  dCoefficient: usize,
  dOffset: usize,
  batch: usize,
  time: usize,
  hidden: usize,
): void {
  const bytes = hidden * 4;
  for (let b: usize = 0; b < batch; b++) {
    const first = b * time * bytes;
    const last = first + (time - 1) * bytes;
    memory.copy(dOffset + last, ds + last, bytes);
    for (let row = last; row > first; row -= bytes) {
      for (let i: usize = 0; i < bytes; i += 4) {
        const gradient = load<f32>(dOffset + row + i);
        const before = row - bytes + i;
        store<f32>(dCoefficient + row + i, gradient * load<f32>(s + before));
        store<f32>(dOffset + before, load<f32>(ds + before) + load<f32>(coefficient + row + i) * gradient);
      }
    }
    memory.fill(dCoefficient + first, 0, bytes);
  }
}
