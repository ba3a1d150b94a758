/** activation(gate) ⊙ up, and its gradient, four at a time; a short tail goes through a padded register. */
import { Activation } from "../src/activation";
import { loadTail, madd, sigmoid4, storeTail } from "./math";
import { Part } from "./parts";
import { ELEMENTS, parallel } from "./threads";

@unmanaged
export class GatedActivation {
  gate: usize;
  up: usize;
  y: usize;
  size: usize;
  activation: Activation;
}

@unmanaged
export class GatedActivationGradient {
  dy: usize;
  gate: usize;
  up: usize;
  dGate: usize;
  dUp: usize;
  size: usize;
  activation: Activation;
}

/** Of geluTanh: the largest gate that is told from a larger one, and 2·√(2/π) times 1, 0.044715 and 3 · 0.044715. */
const GELU: usize = memory.data<f32>([16.0, -16.0, 1.5957691216057308, 0.07135481627260025, 0.21406444881780076]);

/** Beyond 16, float32 knows of no gate that passes in part; and cubes stay finite within. NaN stays. */
// @ts-ignore: decorator
@inline
function within(gate: v128): v128 {
  return f32x4.pmax(f32x4.pmin(gate, v128.load32_splat(GELU)), v128.load32_splat(GELU, 4));
}

/** The share of its gate that an activation passes on; for geluTanh that is (1 + tanh(u)) / 2 = sigmoid(2u). */
// @ts-ignore: decorator
@inline
function shareOf(gate: v128, activation: Activation): v128 {
  if (activation == Activation.silu) return sigmoid4(gate);
  const g = within(gate);
  const factor = madd(f32x4.mul(g, g), v128.load32_splat(GELU, 12), v128.load32_splat(GELU, 8));
  return sigmoid4(f32x4.mul(g, factor));
}

// @ts-ignore: decorator
@inline
function activate(gate: v128, up: v128, activation: Activation): v128 {
  return f32x4.mul(f32x4.mul(gate, shareOf(gate, activation)), up);
}

// @ts-ignore: decorator
@inline
function activateAll(activation: Activation, gate: usize, up: usize, y: usize, size: usize): void {
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(y + i * 4, activate(v128.load(gate + i * 4), v128.load(up + i * 4), activation));
  }
  const rest = size - whole;
  const at = whole * 4;
  storeTail(y + at, activate(loadTail(gate + at, rest, 0), loadTail(up + at, rest, 0), activation), rest);
}

/** y = activation(gate) ⊙ up over `size` floats. Each activation has a loop of its own. */
export function activateGates(activation: Activation, gate: usize, up: usize, y: usize, size: usize): void {
  if (activation == Activation.silu) activateAll(Activation.silu, gate, up, y, size);
  else activateAll(Activation.geluTanh, gate, up, y, size);
}

// @ts-ignore: decorator
@inline
function gateSlope(gate: v128, share: v128, activation: Activation): v128 {
  const bend = f32x4.mul(f32x4.mul(gate, share), f32x4.sub(f32x4.splat(1), share));
  if (activation == Activation.silu) return f32x4.add(share, bend);
  const g = within(gate);
  const steepness = madd(f32x4.mul(g, g), v128.load32_splat(GELU, 16), v128.load32_splat(GELU, 8));
  return f32x4.add(share, f32x4.mul(bend, steepness));
}

// @ts-ignore: decorator
@inline
function gradientsOfAll(activation: Activation, dy: usize, gate: usize, up: usize, dGate: usize, dUp: usize, size: usize): void {
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = i * 4;
    const g = v128.load(gate + at);
    const share = shareOf(g, activation);
    const d = v128.load(dy + at);
    v128.store(dGate + at, f32x4.mul(f32x4.mul(d, v128.load(up + at)), gateSlope(g, share, activation)));
    v128.store(dUp + at, f32x4.mul(d, f32x4.mul(g, share)));
  }
  const rest = size - whole;
  const at = whole * 4;
  const g = loadTail(gate + at, rest, 0);
  const share = shareOf(g, activation);
  const d = loadTail(dy + at, rest, 0);
  storeTail(dGate + at, f32x4.mul(f32x4.mul(d, loadTail(up + at, rest, 0)), gateSlope(g, share, activation)), rest);
  storeTail(dUp + at, f32x4.mul(d, f32x4.mul(g, share)), rest);
}

/** The gradients for gate and up over `size` floats. */
export function gateGradients(
  activation: Activation,
  dy: usize,
  gate: usize,
  up: usize,
  dGate: usize,
  dUp: usize,
  size: usize,
): void {
  if (activation == Activation.silu) gradientsOfAll(Activation.silu, dy, gate, up, dGate, dUp, size);
  else gradientsOfAll(Activation.geluTanh, dy, gate, up, dGate, dUp, size);
}

export function gatedActivation(a: GatedActivation): void {
  parallel(Part.activateGates, changetype<usize>(a), a.size, ELEMENTS);
}

export function gatedActivationPart(a: GatedActivation, from: usize, to: usize): void {
  const at = from * 4;
  activateGates(a.activation, a.gate + at, a.up + at, a.y + at, to - from);
}

export function gatedActivationGradient(a: GatedActivationGradient): void {
  parallel(Part.gateGradients, changetype<usize>(a), a.size, ELEMENTS);
}

export function gatedActivationGradientPart(a: GatedActivationGradient, from: usize, to: usize): void {
  const at = from * 4;
  gateGradients(a.activation, a.dy + at, a.gate + at, a.up + at, a.dGate + at, a.dUp + at, to - from);
}
