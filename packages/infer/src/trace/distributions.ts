/** Measures of next-token distributions, in float64. */
import type { TokenProbability } from "./trace-record.js";

/** Softmax. */
export function probabilitiesOf(logits: ArrayLike<number>): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) largest = Math.max(largest, logits[index] as number);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / whole);
}

/** Shannon's entropy, in nats: from 0 to the logarithm of how many there are. */
export function entropyNats(probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < probabilities.length; index++) {
    const p = probabilities[index] as number;
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/** The Jensen-Shannon divergence of two distributions over the same tokens, in bits: 0 for equal ones, 1 for disjoint ones. */
export function jensenShannonBits(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let nats = 0;
  for (let index = 0; index < left.length; index++) {
    const [p, q] = [left[index] as number, right[index] as number];
    const middle = (p + q) / 2;
    if (p > 0) nats += (p * Math.log(p / middle)) / 2;
    if (q > 0) nats += (q * Math.log(q / middle)) / 2;
  }
  // Rounding leaves equal ones a little below 0.
  return Math.max(0, nats / Math.LN2);
}

/** The likeliest tokens, the likeliest first; of equal ones the first. */
export function likeliestOfDistribution(probabilities: ArrayLike<number>, count: number): TokenProbability[] {
  const best: TokenProbability[] = [];
  for (let token = 0; token < probabilities.length; token++) {
    const probability = probabilities[token] as number;
    if (best.length === count && probability <= (best.at(-1) as TokenProbability).probability) continue;
    const place = best.findIndex((other) => other.probability < probability);
    best.splice(place === -1 ? best.length : place, 0, { token, probability });
    if (best.length > count) best.pop();
  }
  return best;
}
