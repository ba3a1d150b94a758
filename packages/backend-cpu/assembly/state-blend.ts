/** The blend of the state stream and its gradient, row by row: a row with nothing before it is left as it is. */

export function stateBlend(
  a: usize,
  state: usize,
  alpha: usize,
  keep: usize,
  h: usize,
  rows: usize,
  hidden: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const at = row * hidden * 4;
    blendRow(a + at, state + at, alpha, load<f32>(keep + row * 4), h + at, hidden);
  }
}

/** h = (1 - alpha) ⊙ a + alpha ⊙ state, or a where `keep` is 0. */
export function blendRow(a: usize, state: usize, alpha: usize, keep: f32, h: usize, hidden: usize): void {
  if (keep == 0) {
    memory.copy(h, a, hidden * 4);
    return;
  }
  for (let i: usize = 0; i < hidden; i++) {
    const share = load<f32>(alpha + i * 4);
    store<f32>(h + i * 4, (<f32>1 - share) * load<f32>(a + i * 4) + share * load<f32>(state + i * 4));
  }
}

export function stateBlendGradient(
  dh: usize,
  a: usize,
  state: usize,
  alpha: usize,
  keep: usize,
  da: usize,
  dState: usize,
  dAlpha: usize,
  rows: usize,
  hidden: usize,
): void {
  memory.fill(dAlpha, 0, hidden * 4);
  for (let row: usize = 0; row < rows; row++) {
    const at = row * hidden * 4;
    if (load<f32>(keep + row * 4) == 0) {
      memory.copy(da + at, dh + at, hidden * 4);
      memory.fill(dState + at, 0, hidden * 4);
      continue;
    }
    for (let i: usize = 0; i < hidden; i++) {
      const share = load<f32>(alpha + i * 4);
      const gradient = load<f32>(dh + at + i * 4);
      store<f32>(da + at + i * 4, (<f32>1 - share) * gradient);
      store<f32>(dState + at + i * 4, share * gradient);
      const difference = load<f32>(state + at + i * 4) - load<f32>(a + at + i * 4);
      store<f32>(dAlpha + i * 4, load<f32>(dAlpha + i * 4) + gradient * difference);
    }
  }
}
