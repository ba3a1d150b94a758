/** Losses between engines: a fast wrong answer does not count. */
import { median } from "../statistics.js";

const TOLERANCE = 1e-4;

/**
 * Where an engine's losses leave those of all engines (their median step by step) by more than the tolerance, in words;
 * undefined where they do not.
 */
export function disagreement(losses: readonly number[], all: readonly (readonly number[])[]): string | undefined {
  for (const [step, loss] of losses.entries()) {
    const common = median(all.map((each) => each[step] ?? Number.NaN));
    if (Math.abs(loss - common) <= TOLERANCE * Math.abs(common)) continue;
    return `its loss at step ${step + 1} is ${loss.toFixed(5)}, that of the engines in common ${common.toFixed(5)}`;
  }
  return undefined;
}
