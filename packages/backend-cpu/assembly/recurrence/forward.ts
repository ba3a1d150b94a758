/**
 * The exact recurrence of one layer: time dependent steps, each a blend, a norm and a feed-forward network on the rows of
 * the batch. Sequences do not depend on each other, so each thread takes some of them through all steps.
 */
import { Activation } from "../../src/activation";
import { activateGates } from "../gated-activation";
import { EDGE_BYTES, multiplyPacked } from "../matrix/block";
import { addRows } from "../math";
import { dotRows, FEW_ROWS, linesPerPiece } from "../matrix/few-rows";
import { COLUMNS, packedLeftBytes, packedRightBytes, packLeft, packRight, ROWS, roundUp } from "../matrix/pack";
import { Part } from "../parts";
import { normRows } from "../rms-norm";
import { blendRow } from "../state-blend";
import { parallel, threadCount, workArea } from "../threads";

@unmanaged
export class Recurrence {
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
  batch: usize;
  time: usize;
  hidden: usize;
  wide: usize;
  epsilon: f32;
  activation: Activation;
  /** `recurrenceScratchBytes` of room. */
  scratch: usize;
}

/**
 * Whether the weights are read as they lie in memory: for as few rows as a matrix product does so, so that a stream that
 * is switched off (alpha = 0) gives the backbone's bits.
 */
// @ts-ignore: decorator
@inline
function isFew(batch: usize, time: usize): bool {
  return batch * time <= FEW_ROWS;
}

export function recurrenceScratchBytes(batch: usize, time: usize, hidden: usize, wide: usize): usize {
  if (isFew(batch, time)) return batch * (hidden * 3 + wide * 2) * 4;
  return packedRightBytes(hidden, wide) * 2 + packedRightBytes(wide, hidden);
}

export function recurrenceAreaBytes(batch: usize, hidden: usize, wide: usize): usize {
  return EDGE_BYTES + packedLeftBytes(batch, max(hidden, wide)) + batch * (hidden * 3 + wide * 2) * 4;
}

/** Sequences that one thread takes: whole blocks of the packed product. */
export function sequencesPerThread(batch: usize): usize {
  return roundUp((batch + threadCount() - 1) / threadCount(), ROWS);
}

export function stateRecurrence(a: Recurrence): void {
  const args = changetype<usize>(a);
  if (isFew(a.batch, a.time)) {
    fewSteps(a);
    return;
  }
  const panels = ((a.wide + COLUMNS - 1) / COLUMNS) * 2 + (a.hidden + COLUMNS - 1) / COLUMNS;
  parallel(Part.packRecurrenceWeights, args, panels, 8);
  parallel(Part.stepSequences, args, a.batch, sequencesPerThread(a.batch));
}

/** Packs panels of one of the three weights, as a product with its transpose reads them. */
// @ts-ignore: decorator
@inline
function packPanels(weight: usize, target: usize, depth: usize, columns: usize, from: isize, to: isize): void {
  const first = <usize>max<isize>(from, 0) * COLUMNS;
  const end = min(<usize>max<isize>(to, 0) * COLUMNS, columns);
  if (first >= end) return;
  packRight(weight + first * depth * 4, target + first * depth * 4, depth, end - first, depth, true);
}

export function packRecurrenceWeights(a: Recurrence, from: usize, to: usize): void {
  const wide = <isize>((a.wide + COLUMNS - 1) / COLUMNS);
  const up = a.scratch + packedRightBytes(a.hidden, a.wide);
  const down = up + packedRightBytes(a.hidden, a.wide);
  packPanels(a.gate, a.scratch, a.hidden, a.wide, from, to);
  packPanels(a.up, up, a.hidden, a.wide, <isize>from - wide, <isize>to - wide);
  packPanels(a.down, down, a.wide, a.hidden, <isize>from - 2 * wide, <isize>to - 2 * wide);
}

/** The state that sequence b blends in at position t, of states y [batch, time, hidden]. */
// @ts-ignore: decorator
@inline
export function stateBefore(initial: usize, y: usize, b: usize, t: usize, time: usize, hidden: usize): usize {
  return t == 0 ? initial + b * hidden * 4 : y + (b * time + t - 1) * hidden * 4;
}

/** h of one position for sequences `from` … `to`. */
// @ts-ignore: decorator
@inline
function blendStep(a: Recurrence, h: usize, t: usize, from: usize, to: usize): void {
  for (let b = from; b < to; b++) {
    const row = b * a.time + t;
    const target = h + (b - from) * a.hidden * 4;
    const state = stateBefore(a.initial, a.y, b, t, a.time, a.hidden);
    blendRow(a.a + row * a.hidden * 4, state, a.alpha, load<f32>(a.keep + row * 4), target, a.hidden);
  }
}

/** y = h + branch at one position; the branch is normed in place where there is a norm behind the network. */
// @ts-ignore: decorator
@inline
function addStep(a: Recurrence, h: usize, branch: usize, t: usize, from: usize, to: usize): void {
  const bytes = a.hidden * 4;
  if (a.outNormWeight) normRows(branch, a.outNormWeight, branch, to - from, a.hidden, a.epsilon);
  for (let b = from; b < to; b++) {
    const at = (b - from) * bytes;
    addRows(h + at, branch + at, a.y + (b * a.time + t) * bytes, a.hidden);
  }
}

export function stepSequences(a: Recurrence, from: usize, to: usize): void {
  const rows = to - from;
  const gate = a.scratch;
  const up = gate + packedRightBytes(a.hidden, a.wide);
  const down = up + packedRightBytes(a.hidden, a.wide);
  const edge = workArea();
  const left = edge + EDGE_BYTES;
  const h = left + packedLeftBytes(rows, max(a.hidden, a.wide));
  const normed = h + rows * a.hidden * 4;
  const branch = normed + rows * a.hidden * 4;
  const gates = branch + rows * a.hidden * 4;
  const ups = gates + rows * a.wide * 4;
  for (let t: usize = 0; t < a.time; t++) {
    blendStep(a, h, t, from, to);
    normRows(h, a.normWeight, normed, rows, a.hidden, a.epsilon);
    packLeft(normed, left, rows, a.hidden, a.hidden, false);
    multiplyPacked(left, gate, gates, rows, a.wide, a.hidden, a.wide, false, edge);
    multiplyPacked(left, up, ups, rows, a.wide, a.hidden, a.wide, false, edge);
    activateGates(a.activation, gates, ups, gates, rows * a.wide);
    packLeft(gates, left, rows, a.wide, a.wide, false);
    multiplyPacked(left, down, branch, rows, a.hidden, a.wide, a.hidden, false, edge);
    addStep(a, h, branch, t, from, to);
  }
}

/** A decoded token: nothing is packed, and the threads share the lines of each weight. */
function fewSteps(a: Recurrence): void {
  const args = changetype<usize>(a);
  const h = a.scratch;
  const normed = h + a.batch * a.hidden * 4;
  const branch = normed + a.batch * a.hidden * 4;
  const gates = branch + a.batch * a.hidden * 4;
  const ups = gates + a.batch * a.wide * 4;
  for (let t: usize = 0; t < a.time; t++) {
    blendStep(a, h, t, 0, a.batch);
    normRows(h, a.normWeight, normed, a.batch, a.hidden, a.epsilon);
    parallel(Part.fewGates, args, a.wide, linesPerPiece(a.wide, 2 * a.hidden));
    activateGates(a.activation, gates, ups, gates, a.batch * a.wide);
    parallel(Part.fewBranches, args, a.hidden, linesPerPiece(a.hidden, a.wide));
    addStep(a, h, branch, t, 0, a.batch);
  }
}

export function fewGates(a: Recurrence, from: usize, to: usize): void {
  const normed = a.scratch + a.batch * a.hidden * 4;
  const gates = normed + a.batch * a.hidden * 8;
  dotRows(normed, a.gate, gates, a.batch, a.hidden, a.wide, from, to);
  dotRows(normed, a.up, gates + a.batch * a.wide * 4, a.batch, a.hidden, a.wide, from, to);
}

export function fewBranches(a: Recurrence, from: usize, to: usize): void {
  const branch = a.scratch + a.batch * a.hidden * 8;
  dotRows(branch + a.batch * a.hidden * 4, a.down, branch, a.batch, a.wide, a.hidden, from, to);
}
