/** McNemar's exact test of two classifiers on the same questions. */
import { SstError } from "@sst/tensor";

/**
 * The two-sided p value of the hypothesis that questions on which the two differ fall to either side like a fair coin:
 * `min(1, 2 · P(X ≤ min(a, b)))` with X binomial of `a + b` and one half.
 *
 * @param onlyFirst questions that only the first answered right
 * @param onlySecond questions that only the second answered right
 * @throws SstError `invalid-argument` for counts that are none
 */
export function mcNemarExact(onlyFirst: number, onlySecond: number): number {
  for (const count of [onlyFirst, onlySecond]) {
    if (Number.isSafeInteger(count) && count >= 0) continue;
    throw new SstError("invalid-argument", `a count should be a whole number of at least 0, but is ${count}`);
  }
  const trials = onlyFirst + onlySecond;
  // In logarithms: one half to the power of some thousands is no number.
  let logTerm = -trials * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let count = 1; count <= Math.min(onlyFirst, onlySecond); count++) {
    logTerm += Math.log((trials - count + 1) / count);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}
