/** The affine recurrence and its gradient: on a few threads the plain loop over time is the fastest scan. */
import { madd } from "./math";
import { Part } from "./parts";
import { parallel } from "./threads";

@unmanaged
export class AffineScan {
  coefficient: usize;
  offset: usize;
  s: usize;
  batch: usize;
  time: usize;
  hidden: usize;
}

@unmanaged
export class AffineScanGradient {
  ds: usize;
  coefficient: usize;
  s: usize;
  dCoefficient: usize;
  dOffset: usize;
  batch: usize;
  time: usize;
  hidden: usize;
}

/** s_t = coefficient_t ⊙ s_{t-1} + offset_t. */
export function affineScan(a: AffineScan): void {
  parallel(Part.scanSequences, changetype<usize>(a), a.batch, 1);
}

export function affineScanPart(a: AffineScan, from: usize, to: usize): void {
  const bytes = a.hidden * 4;
  const whole = bytes & ~15;
  for (let b = from; b < to; b++) {
    const first = b * a.time * bytes;
    memory.copy(a.s + first, a.offset + first, bytes);
    for (let t: usize = 1; t < a.time; t++) {
      const row = first + t * bytes;
      const before = a.s + row - bytes;
      for (let i: usize = 0; i < whole; i += 16) {
        const sum = madd(v128.load(a.coefficient + row + i), v128.load(before + i), v128.load(a.offset + row + i));
        v128.store(a.s + row + i, sum);
      }
      for (let i = whole; i < bytes; i += 4) {
        const sum = load<f32>(a.coefficient + row + i) * load<f32>(before + i) + load<f32>(a.offset + row + i);
        store<f32>(a.s + row + i, sum);
      }
    }
  }
}

/** dOffset_t = ds_t + coefficient_{t+1} ⊙ dOffset_{t+1}; dCoefficient_t = dOffset_t ⊙ s_{t-1}. */
export function affineScanGradient(a: AffineScanGradient): void {
  parallel(Part.scanSequencesBack, changetype<usize>(a), a.batch, 1);
}

export function affineScanGradientPart(a: AffineScanGradient, from: usize, to: usize): void {
  const bytes = a.hidden * 4;
  for (let b = from; b < to; b++) {
    const first = b * a.time * bytes;
    const last = first + (a.time - 1) * bytes;
    memory.copy(a.dOffset + last, a.ds + last, bytes);
    for (let row = last; row > first; row -= bytes) {
      for (let i: usize = 0; i < bytes; i += 4) {
        const gradient = load<f32>(a.dOffset + row + i);
        const before = row - bytes + i;
        store<f32>(a.dCoefficient + row + i, gradient * load<f32>(a.s + before));
        store<f32>(a.dOffset + before, load<f32>(a.ds + before) + load<f32>(a.coefficient + row + i) * gradient);
      }
    }
    memory.fill(a.dCoefficient + first, 0, bytes);
  }
}
