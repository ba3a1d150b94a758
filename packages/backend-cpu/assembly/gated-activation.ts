/** silu(gate) ⊙ up, and its gradient, four at a time; a short tail goes through a padded register. */
import { loadTail, sigmoid4, storeTail } from "./math";
import { Part } from "./parts";
import { ELEMENTS, parallel } from "./threads";

@unmanaged
export class GatedActivation {
  gate: usize;
  up: usize;
  y: usize;
  size: usize;
}

@unmanaged
export class GatedActivationGradient {
  dy: usize;
  gate: usize;
  up: usize;
  dGate: usize;
  dUp: usize;
  size: usize;
}

// @ts-ignore: decorator
@inline
function activate(gate: v128, up: v128): v128 {
  return f32x4.mul(f32x4.mul(gate, sigmoid4(gate)), up);
}

/** y = silu(gate) ⊙ up over `size` floats. */
export function activateGates(gate: usize, up: usize, y: usize, size: usize): void {
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(y + i * 4, activate(v128.load(gate + i * 4), v128.load(up + i * 4)));
  }
  const rest = size - whole;
  const at = whole * 4;
  storeTail(y + at, activate(loadTail(gate + at, rest, 0), loadTail(up + at, rest, 0)), rest);
}

// @ts-ignore: decorator
@inline
function gateSlope(gate: v128, logistic: v128): v128 {
  const silu = f32x4.mul(gate, logistic);
  return f32x4.add(logistic, f32x4.mul(silu, f32x4.sub(f32x4.splat(1), logistic)));
}

/** The gradients for gate and up over `size` floats. */
export function gateGradients(dy: usize, gate: usize, up: usize, dGate: usize, dUp: usize, size: usize): void {
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = i * 4;
    const g = v128.load(gate + at);
    const logistic = sigmoid4(g);
    const d = v128.load(dy + at);
    v128.store(dGate + at, f32x4.mul(f32x4.mul(d, v128.load(up + at)), gateSlope(g, logistic)));
    v128.store(dUp + at, f32x4.mul(d, f32x4.mul(g, logistic)));
  }
  const rest = size - whole;
  const at = whole * 4;
  const g = loadTail(gate + at, rest, 0);
  const logistic = sigmoid4(g);
  const d = loadTail(dy + at, rest, 0);
  storeTail(dGate + at, f32x4.mul(f32x4.mul(d, loadTail(up + at, rest, 0)), gateSlope(g, logistic)), rest);
  storeTail(dUp + at, f32x4.mul(d, f32x4.mul(g, logistic)), rest);
}

export function gatedActivation(a: GatedActivation): void {
  parallel(Part.activateGates, changetype<usize>(a), a.size, ELEMENTS);
}

export function gatedActivationPart(a: GatedActivation, from: usize, to: usize): void {
  const at = from * 4;
  activateGates(a.gate + at, a.up + at, a.y + at, to - from);
}

export function gatedActivationGradient(a: GatedActivationGradient): void {
  parallel(Part.gateGradients, changetype<usize>(a), a.size, ELEMENTS);
}

export function gatedActivationGradientPart(a: GatedActivationGradient, from: usize, to: usize): void {
  const at = from * 4;
  gateGradients(a.dy + at, a.gate + at, a.up + at, a.dGate + at, a.dUp + at, to - from);
}
