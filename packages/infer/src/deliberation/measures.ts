/**
 * How decided a distribution is, and how far two are apart: what a deliberation policy looks at. Distributions are given by the
 * natural logarithms of their probabilities (`logProbabilities`), `[vocabSize]`; -Infinity is a probability of zero.
 */
import { SstError } from "@sst/tensor";

type Logs = ArrayLike<number>;

/** Entropy in nats: 0 for certainty, the logarithm of the vocabulary's size for no idea. */
export function entropyNats(logs: Logs): number {
  let sum = 0;
  for (let index = 0; index < logs.length; index++) sum -= weighted(logs[index] as number, logs[index] as number);
  return sum;
}

/**
 * Kullback-Leibler divergence D(now ‖ before) in nats: infinite where something is possible that was not.
 *
 * @throws SstError `shape-mismatch`
 */
export function kullbackLeiblerNats(now: Logs, before: Logs): number {
  requireSameSize(now, before);
  let sum = 0;
  for (let index = 0; index < now.length; index++) {
    const log = now[index] as number;
    sum += weighted(log, log - (before[index] as number));
  }
  // Rounding can leave a little less than nothing.
  return Math.max(0, sum);
}

/**
 * Jensen-Shannon divergence in bits: symmetric, 0 for equal distributions, 1 for those that have nothing in common.
 *
 * @throws SstError `shape-mismatch`
 */
export function jensenShannonBits(left: Logs, right: Logs): number {
  requireSameSize(left, right);
  let sum = 0;
  for (let index = 0; index < left.length; index++) {
    const [ofLeft, ofRight] = [left[index] as number, right[index] as number];
    const middle = Math.log((Math.exp(ofLeft) + Math.exp(ofRight)) / 2);
    sum += (weighted(ofLeft, ofLeft - middle) + weighted(ofRight, ofRight - middle)) / 2;
  }
  return Math.min(1, Math.max(0, sum / Math.LN2));
}

/**
 * Total variation distance: the largest difference that the two make in the probability of anything, 0 to 1.
 *
 * @throws SstError `shape-mismatch`
 */
export function totalVariation(left: Logs, right: Logs): number {
  requireSameSize(left, right);
  let sum = 0;
  for (let index = 0; index < left.length; index++) {
    sum += Math.abs(Math.exp(left[index] as number) - Math.exp(right[index] as number));
  }
  return sum / 2;
}

/** The value times the probability with this logarithm; nothing where that is zero. */
function weighted(log: number, value: number): number {
  const probability = Math.exp(log);
  return probability === 0 ? 0 : probability * value;
}

function requireSameSize(left: Logs, right: Logs): void {
  if (left.length === right.length) return;
  throw new SstError(
    "shape-mismatch",
    `distributions over ${left.length} and ${right.length} tokens cannot be compared`,
  );
}
