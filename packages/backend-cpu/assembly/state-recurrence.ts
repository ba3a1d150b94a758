/**
 * The exact recurrence of one layer, and the chain of its gradient: time dependent steps, each a blend, a norm and a
 * feed-forward network on the rows of the batch. Weights are packed once a call; all else stays in one scratch area.
 */
import { gatedActivation, gatedActivationGradient } from "./gated-activation";
import { multiplyPacked, packedLeftBytes, packedRightBytes, packLeft, packRight } from "./matrix";
import { rmsNorm, rmsNormInputGradient } from "./rms-norm";
import { blendRow } from "./state-blend";

/** Scratch bytes of `stateRecurrence`. */
export function stateRecurrenceScratchBytes(batch: usize, hidden: usize, wide: usize): usize {
  const weights = packedRightBytes(hidden, wide) * 2 + packedRightBytes(wide, hidden);
  return weights + packedLeftBytes(batch, max(hidden, wide)) + batch * (hidden + wide) * 12;
}

/** y [batch, time, hidden] from a [batch, time, hidden]; all other inputs as the kernel's definition says. */
export function stateRecurrence(
  a: usize,
  alpha: usize,
  keep: usize,
  initial: usize,
  normWeight: usize,
  gate: usize,
  up: usize,
  down: usize,
  y: usize,
  batch: usize,
  time: usize,
  hidden: usize,
  wide: usize,
  epsilon: f32,
  scratch: usize,
): void {
  const gatePacked = scratch;
  const upPacked = gatePacked + packedRightBytes(hidden, wide);
  const downPacked = upPacked + packedRightBytes(hidden, wide);
  const leftPacked = downPacked + packedRightBytes(wide, hidden);
  const h = leftPacked + packedLeftBytes(batch, max(hidden, wide));
  const normed = h + batch * hidden * 4;
  const branch = normed + batch * hidden * 4;
  const gates = branch + batch * hidden * 4;
  const ups = gates + batch * wide * 4;
  packRight(gate, gatePacked, hidden, wide, hidden, true);
  packRight(up, upPacked, hidden, wide, hidden, true);
  packRight(down, downPacked, wide, hidden, wide, true);
  for (let t: usize = 0; t < time; t++) {
    for (let b: usize = 0; b < batch; b++) {
      const row = (b * time + t) * hidden * 4;
      const state = t == 0 ? initial + b * hidden * 4 : y + row - hidden * 4;
      blendRow(a + row, state, alpha, load<f32>(keep + (b * time + t) * 4), h + b * hidden * 4, hidden);
    }
    rmsNorm(h, normWeight, normed, batch, hidden, epsilon);
    packLeft(normed, leftPacked, batch, hidden, hidden, false);
    multiplyPacked(leftPacked, gatePacked, gates, batch, wide, hidden, wide, false);
    multiplyPacked(leftPacked, upPacked, ups, batch, wide, hidden, wide, false);
    gatedActivation(gates, ups, gates, batch * wide);
    packLeft(gates, leftPacked, batch, wide, wide, false);
    multiplyPacked(leftPacked, downPacked, branch, batch, hidden, wide, hidden, false);
    for (let b: usize = 0; b < batch; b++) {
      const from = b * hidden * 4;
      const to = y + (b * time + t) * hidden * 4;
      for (let i: usize = 0; i < hidden; i++) {
        store<f32>(to + i * 4, load<f32>(h + from + i * 4) + load<f32>(branch + from + i * 4));
      }
    }
  }
}

/** Scratch bytes of `stateRecurrenceGradient`. */
export function stateRecurrenceGradientScratchBytes(batch: usize, time: usize, hidden: usize, wide: usize): usize {
  const rows = batch * time;
  const weights = packedRightBytes(hidden, wide) + max(packedRightBytes(hidden, wide), packedRightBytes(wide, hidden) * 2);
  const whole = rows * (hidden + wide) * 8;
  const step = batch * (hidden * 3 + wide * 5) * 4;
  return weights + packedLeftBytes(rows, hidden) + packedLeftBytes(batch, max(hidden, wide)) + whole + step;
}

/** Copies between rows of one position ([batch, size], close together) and a [batch, time, size] array. */
// @ts-ignore: decorator
@inline
function gatherStep(from: usize, to: usize, batch: usize, time: usize, t: usize, size: usize): void {
  for (let b: usize = 0; b < batch; b++) memory.copy(to + b * size * 4, from + (b * time + t) * size * 4, size * 4);
}

// @ts-ignore: decorator
@inline
function scatterStep(from: usize, to: usize, batch: usize, time: usize, t: usize, size: usize): void {
  for (let b: usize = 0; b < batch; b++) memory.copy(to + (b * time + t) * size * 4, from + b * size * 4, size * 4);
}

/** dh, dTotal [batch, time, hidden], dGate, dUp and activation [batch, time, wide]. */
export function stateRecurrenceGradient(
  dy: usize,
  a: usize,
  alpha: usize,
  keep: usize,
  initial: usize,
  normWeight: usize,
  gate: usize,
  up: usize,
  down: usize,
  y: usize,
  dh: usize,
  dTotal: usize,
  dGate: usize,
  dUp: usize,
  activation: usize,
  batch: usize,
  time: usize,
  hidden: usize,
  wide: usize,
  epsilon: f32,
  scratch: usize,
): void {
  const rows = batch * time;
  const h = scratch;
  const normed = h + rows * hidden * 4;
  const gates = normed + rows * hidden * 4;
  const ups = gates + rows * wide * 4;
  const packed = ups + rows * wide * 4;

  // What does not depend on the chain, for all positions at once: the blended states, the norm, gate and up.
  const leftPacked = packed + packedRightBytes(hidden, wide);
  for (let b: usize = 0; b < batch; b++) {
    for (let t: usize = 0; t < time; t++) {
      const row = (b * time + t) * hidden * 4;
      const state = t == 0 ? initial + b * hidden * 4 : y + row - hidden * 4;
      blendRow(a + row, state, alpha, load<f32>(keep + (b * time + t) * 4), h + row, hidden);
    }
  }
  rmsNorm(h, normWeight, normed, rows, hidden, epsilon);
  packLeft(normed, leftPacked, rows, hidden, hidden, false);
  packRight(gate, packed, hidden, wide, hidden, true);
  multiplyPacked(leftPacked, packed, gates, rows, wide, hidden, wide, false);
  packRight(up, packed, hidden, wide, hidden, true);
  multiplyPacked(leftPacked, packed, ups, rows, wide, hidden, wide, false);
  gatedActivation(gates, ups, activation, rows * wide);

  // The chain, backwards. Gradients go through the weights untransposed: [out, in] is [depth, columns] here.
  const downPacked = packed;
  const gatePacked = downPacked + packedRightBytes(hidden, wide);
  const upPacked = gatePacked + packedRightBytes(wide, hidden);
  packRight(down, downPacked, hidden, wide, wide, false);
  packRight(gate, gatePacked, wide, hidden, hidden, false);
  packRight(up, upPacked, wide, hidden, hidden, false);
  const stepLeft = upPacked + packedRightBytes(wide, hidden);
  const carried = stepLeft + packedLeftBytes(batch, max(hidden, wide));
  const total = carried + batch * hidden * 4;
  const dNormed = total + batch * hidden * 4;
  const stepGates = dNormed + batch * hidden * 4;
  const stepUps = stepGates + batch * wide * 4;
  const dActivation = stepUps + batch * wide * 4;
  const stepDGate = dActivation + batch * wide * 4;
  const stepDUp = stepDGate + batch * wide * 4;
  memory.fill(carried, 0, batch * hidden * 4);
  for (let step: usize = 0; step < time; step++) {
    const t = time - 1 - step;
    gatherStep(dy, total, batch, time, t, hidden);
    for (let i: usize = 0; i < batch * hidden; i++) {
      store<f32>(total + i * 4, load<f32>(total + i * 4) + load<f32>(carried + i * 4));
    }
    packLeft(total, stepLeft, batch, hidden, hidden, false);
    multiplyPacked(stepLeft, downPacked, dActivation, batch, wide, hidden, wide, false);
    gatherStep(gates, stepGates, batch, time, t, wide);
    gatherStep(ups, stepUps, batch, time, t, wide);
    gatedActivationGradient(dActivation, stepGates, stepUps, stepDGate, stepDUp, batch * wide);
    packLeft(stepDGate, stepLeft, batch, wide, wide, false);
    multiplyPacked(stepLeft, gatePacked, dNormed, batch, hidden, wide, hidden, false);
    packLeft(stepDUp, stepLeft, batch, wide, wide, false);
    multiplyPacked(stepLeft, upPacked, dNormed, batch, hidden, wide, hidden, true);
    scatterStep(total, dTotal, batch, time, t, hidden);
    scatterStep(stepDGate, dGate, batch, time, t, wide);
    scatterStep(stepDUp, dUp, batch, time, t, wide);
    for (let b: usize = 0; b < batch; b++) {
      const row = (b * time + t) * hidden * 4;
      const own = b * hidden * 4;
      rmsNormInputGradient(dNormed + own, h + row, normWeight, dh + row, hidden, epsilon, total + own);
      const kept = load<f32>(keep + (b * time + t) * 4);
      for (let i: usize = 0; i < hidden; i++) {
        store<f32>(carried + own + i * 4, kept * load<f32>(alpha + i * 4) * load<f32>(dh + row + i * 4));
      }
    }
  }
}
