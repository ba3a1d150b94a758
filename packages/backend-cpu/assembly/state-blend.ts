/** The blend of the state stream and its gradient, row by row: a row with nothing before it is left as it is. */
import { madd } from "./math";
import { Part } from "./parts";
import { grainOf, parallel } from "./threads";

@unmanaged
export class StateBlend {
  a: usize;
  state: usize;
  alpha: usize;
  keep: usize;
  h: usize;
  rows: usize;
  hidden: usize;
}

@unmanaged
export class StateBlendGradient {
  dh: usize;
  a: usize;
  state: usize;
  alpha: usize;
  keep: usize;
  da: usize;
  dState: usize;
  dAlpha: usize;
  rows: usize;
  hidden: usize;
}

/** h = (1 - alpha) ⊙ a + alpha ⊙ state, or a where `keep` is 0. */
export function blendRow(a: usize, state: usize, alpha: usize, keep: f32, h: usize, hidden: usize): void {
  if (keep == 0) {
    memory.copy(h, a, hidden * 4);
    return;
  }
  const one = f32x4.splat(1);
  const whole = hidden & ~3;
  for (let i: usize = 0; i < whole * 4; i += 16) {
    const share = v128.load(alpha + i);
    const own = f32x4.mul(f32x4.sub(one, share), v128.load(a + i));
    v128.store(h + i, f32x4.add(own, f32x4.mul(share, v128.load(state + i))));
  }
  for (let i = whole * 4; i < hidden * 4; i += 4) {
    const share = load<f32>(alpha + i);
    store<f32>(h + i, (<f32>1 - share) * load<f32>(a + i) + share * load<f32>(state + i));
  }
}

export function stateBlend(a: StateBlend): void {
  parallel(Part.blendRows, changetype<usize>(a), a.rows, grainOf(a.hidden));
}

export function stateBlendPart(a: StateBlend, from: usize, to: usize): void {
  for (let row = from; row < to; row++) {
    const at = row * a.hidden * 4;
    blendRow(a.a + at, a.state + at, a.alpha, load<f32>(a.keep + row * 4), a.h + at, a.hidden);
  }
}

/** The gradient for alpha adds up over all rows, in their order: it stays on one thread. */
export function stateBlendGradient(g: StateBlendGradient): void {
  const hidden = g.hidden;
  const whole = hidden & ~3;
  const one = f32x4.splat(1);
  memory.fill(g.dAlpha, 0, hidden * 4);
  for (let row: usize = 0; row < g.rows; row++) {
    const at = row * hidden * 4;
    if (load<f32>(g.keep + row * 4) == 0) {
      memory.copy(g.da + at, g.dh + at, hidden * 4);
      memory.fill(g.dState + at, 0, hidden * 4);
      continue;
    }
    for (let i: usize = 0; i < whole * 4; i += 16) {
      const share = v128.load(g.alpha + i);
      const gradient = v128.load(g.dh + at + i);
      v128.store(g.da + at + i, f32x4.mul(f32x4.sub(one, share), gradient));
      v128.store(g.dState + at + i, f32x4.mul(share, gradient));
      const difference = f32x4.sub(v128.load(g.state + at + i), v128.load(g.a + at + i));
      v128.store(g.dAlpha + i, madd(gradient, difference, v128.load(g.dAlpha + i)));
    }
    for (let i = whole * 4; i < hidden * 4; i += 4) {
      const share = load<f32>(g.alpha + i);
      const gradient = load<f32>(g.dh + at + i);
      store<f32>(g.da + at + i, (<f32>1 - share) * gradient);
      store<f32>(g.dState + at + i, share * gradient);
      const difference = load<f32>(g.state + at + i) - load<f32>(g.a + at + i);
      store<f32>(g.dAlpha + i, load<f32>(g.dAlpha + i) + gradient * difference);
    }
  }
}
