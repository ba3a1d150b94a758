/**
 * The chain of the recurrence's gradient, backwards through time. What does not depend on the chain (the blended states,
 * the norm, gate and up) is computed again for all positions at once; the gradients of the weights are products over
 * what comes out, made by the kernel's definition.
 */
import { Activation } from "../../src/activation";
import { activateGates, gateGradients } from "../gated-activation";
import { addRows } from "../math";
import { EDGE_BYTES, multiplyPacked } from "../matrix/block";
import { packedLeftBytes, packedRightBytes, packLeft, packRight, ROWS } from "../matrix/pack";
import { Part } from "../parts";
import { normRowGradient, normRows } from "../rms-norm";
import { blendRow } from "../state-blend";
import { parallel, workArea } from "../threads";
import { sequencesPerThread, stateBefore } from "./forward";

@unmanaged
export class RecurrenceGradient {
  dy: usize;
  a: usize;
  alpha: usize;
  keep: usize;
  initial: usize;
  normWeight: usize;
  gate: usize;
  up: usize;
  down: usize;
  /** 0 where nothing is normed behind the network. */
  outNormWeight: usize;
  y: usize;
  dh: usize;
  dTotal: usize;
  dGate: usize;
  dUp: usize;
  activated: usize;
  batch: usize;
  time: usize;
  hidden: usize;
  wide: usize;
  epsilon: f32;
  activation: Activation;
  /** `recurrenceGradientScratchBytes` of room. */
  scratch: usize;
}

/**
 * Packed weights in both directions, then h, normed, gates and ups of all positions. Where a norm is behind the network, `down` in its
 * other direction too, and what it gives at all positions.
 */
export function recurrenceGradientScratchBytes(
  batch: usize,
  time: usize,
  hidden: usize,
  wide: usize,
  hasOutNorm: bool,
): usize {
  const across = packedRightBytes(hidden, wide) * 2;
  const along = packedRightBytes(wide, hidden) * 2 + packedRightBytes(hidden, wide);
  const plain = across + along + batch * time * (hidden + wide) * 8;
  return hasOutNorm ? plain + packedRightBytes(wide, hidden) + batch * time * hidden * 4 : plain;
}

export function recurrenceGradientAreaBytes(batch: usize, time: usize, hidden: usize, wide: usize): usize {
  const left = packedLeftBytes(max(batch, time), max(hidden, wide));
  return EDGE_BYTES + left + batch * (hidden * 2 + wide) * 4;
}

export function stateRecurrenceGradient(a: RecurrenceGradient): void {
  const args = changetype<usize>(a);
  parallel(Part.packGradientWeights, args, a.outNormWeight ? 6 : 5, 1);
  parallel(Part.stepSequencesBack, args, a.batch, sequencesPerThread(a.batch));
}

/** Where `down` lies packed for the way forward: behind all that is always there. */
// @ts-ignore: decorator
@inline
function downAcross(a: RecurrenceGradient): usize {
  return a.scratch + recurrenceGradientScratchBytes(a.batch, a.time, a.hidden, a.wide, false);
}

/** What the network gave at all positions, before the norm behind it. */
// @ts-ignore: decorator
@inline
function branches(a: RecurrenceGradient): usize {
  return downAcross(a) + packedRightBytes(a.wide, a.hidden);
}

/** Items are the packed weights: [out, in] is [depth, columns] for a gradient, and transposed forwards. */
export function packGradientWeights(a: RecurrenceGradient, from: usize, to: usize): void {
  const narrow = packedRightBytes(a.wide, a.hidden);
  const broad = packedRightBytes(a.hidden, a.wide);
  for (let item = from; item < to; item++) {
    if (item == 0) packRight(a.gate, a.scratch, a.hidden, a.wide, a.hidden, true);
    else if (item == 1) packRight(a.up, a.scratch + broad, a.hidden, a.wide, a.hidden, true);
    else if (item == 2) packRight(a.down, a.scratch + 2 * broad, a.hidden, a.wide, a.wide, false);
    else if (item == 3) packRight(a.gate, a.scratch + 3 * broad, a.wide, a.hidden, a.hidden, false);
    else if (item == 4) packRight(a.up, a.scratch + 3 * broad + narrow, a.wide, a.hidden, a.hidden, false);
    else packRight(a.down, downAcross(a), a.wide, a.hidden, a.wide, true);
  }
}

export function stepSequencesBack(a: RecurrenceGradient, from: usize, to: usize): void {
  const hidden = a.hidden;
  const wide = a.wide;
  const time = a.time;
  const narrow = packedRightBytes(wide, hidden);
  const broad = packedRightBytes(hidden, wide);
  const down = a.scratch + 2 * broad;
  const gate = down + broad;
  const up = gate + narrow;
  const h = up + narrow;
  const gates = h + a.batch * time * hidden * 8;
  const ups = gates + a.batch * time * wide * 4;
  const rows = to - from;
  const edge = workArea();
  const left = edge + EDGE_BYTES;
  const carried = left + packedLeftBytes(max(a.batch, time), max(hidden, wide));
  const dNormed = carried + a.batch * hidden * 4;
  const dActivation = dNormed + a.batch * hidden * 4;
  // As many rows at a time as the packed operand has room for, in whole panels where these can be filled.
  const room = max(a.batch, time);
  const atOnce = room < ROWS ? room : room & ~(ROWS - 1);
  const end = to * time;
  for (let row = from * time; row < end; row += atOnce) repeatForward(a, row, min(atOnce, end - row), h, gates, ups, left, edge);
  memory.fill(carried, 0, rows * hidden * 4);
  for (let t = time; t-- > 0; ) {
    const first = from * time + t;
    for (let b = from; b < to; b++) {
      const row = (b * time + t) * hidden * 4;
      addRows(a.dy + row, carried + (b - from) * hidden * 4, a.dTotal + row, hidden);
    }
    if (a.outNormWeight) {
      // What the network is sent; the room is dNormed's, which is not needed yet.
      for (let b = from; b < to; b++) {
        const at = (b * time + t) * hidden * 4;
        const branch = branches(a) + at;
        const dTotal = a.dTotal + at;
        normRowGradient(dTotal, branch, a.outNormWeight, dNormed + (b - from) * hidden * 4, hidden, a.epsilon, 0);
      }
      packLeft(dNormed, left, rows, hidden, hidden, false);
    } else {
      packLeft(a.dTotal + first * hidden * 4, left, rows, hidden, time * hidden, false);
    }
    multiplyPacked(left, down, dActivation, rows, wide, hidden, wide, false, edge);
    for (let b = from; b < to; b++) {
      const row = (b * time + t) * wide * 4;
      const dUnits = dActivation + (b - from) * wide * 4;
      gateGradients(a.activation, dUnits, gates + row, ups + row, a.dGate + row, a.dUp + row, wide);
    }
    packLeft(a.dGate + first * wide * 4, left, rows, wide, time * wide, false);
    multiplyPacked(left, gate, dNormed, rows, hidden, wide, hidden, false, edge);
    packLeft(a.dUp + first * wide * 4, left, rows, wide, time * wide, false);
    multiplyPacked(left, up, dNormed, rows, hidden, wide, hidden, true, edge);
    for (let b = from; b < to; b++) {
      const row = b * time + t;
      const at = row * hidden * 4;
      const own = (b - from) * hidden * 4;
      normRowGradient(dNormed + own, h + at, a.normWeight, a.dh + at, hidden, a.epsilon, a.dTotal + at);
      carryBack(carried + own, a.alpha, a.dh + at, load<f32>(a.keep + row * 4), hidden);
    }
  }
}

/** h, gates, ups and the activation of some rows of all positions; and the network's result where it is normed. */
function repeatForward(a: RecurrenceGradient, first: usize, rows: usize, h: usize, gates: usize, ups: usize, left: usize, edge: usize): void {
  const narrowAt = first * a.hidden * 4;
  const wideAt = first * a.wide * 4;
  const normed = h + a.batch * a.time * a.hidden * 4 + narrowAt;
  for (let row = first; row < first + rows; row++) {
    const at = row * a.hidden * 4;
    const state = stateBefore(a.initial, a.y, row / a.time, row % a.time, a.time, a.hidden);
    blendRow(a.a + at, state, a.alpha, load<f32>(a.keep + row * 4), h + at, a.hidden);
  }
  normRows(h + narrowAt, a.normWeight, normed, rows, a.hidden, a.epsilon);
  packLeft(normed, left, rows, a.hidden, a.hidden, false);
  const up = a.scratch + packedRightBytes(a.hidden, a.wide);
  multiplyPacked(left, a.scratch, gates + wideAt, rows, a.wide, a.hidden, a.wide, false, edge);
  multiplyPacked(left, up, ups + wideAt, rows, a.wide, a.hidden, a.wide, false, edge);
  activateGates(a.activation, gates + wideAt, ups + wideAt, a.activated + wideAt, rows * a.wide);
  if (a.outNormWeight == 0) return;
  packLeft(a.activated + wideAt, left, rows, a.wide, a.wide, false);
  multiplyPacked(left, downAcross(a), branches(a) + narrowAt, rows, a.hidden, a.wide, a.hidden, false, edge);
}

/** carried = keep · alpha ⊙ dh: what a position's gradient gives to the state before it. */
// @ts-ignore: decorator
@inline
function carryBack(carried: usize, alpha: usize, dh: usize, keep: f32, size: usize): void {
  const keeps = f32x4.splat(keep);
  const whole = (size * 4) & ~15;
  for (let i: usize = 0; i < whole; i += 16) {
    v128.store(carried + i, f32x4.mul(f32x4.mul(keeps, v128.load(alpha + i)), v128.load(dh + i)));
  }
  for (let i = whole; i < size * 4; i += 4) store<f32>(carried + i, keep * load<f32>(alpha + i) * load<f32>(dh + i));
}
