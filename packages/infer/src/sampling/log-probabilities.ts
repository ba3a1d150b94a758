/** The model's own distribution: what its logits say before any penalty, bias or temperature. */
import { largestOf, sumOfExponentials } from "./sum-of-exponentials.js";
import { largestIndices } from "./top-k.js";

export interface TokenLogProbability {
  readonly token: number;
  /** The natural logarithm of the token's probability. */
  readonly logProbability: number;
}

/** The logarithms of all probabilities, `[vocabSize]`. */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const norm = logNorm(logits);
  return Float64Array.from(logits, (logit) => logit - norm);
}

/** The logarithm of one token's probability. */
export function logProbabilityOf(logits: ArrayLike<number>, token: number): number {
  return (logits[token] as number) - logNorm(logits);
}

/** The `count` likeliest tokens, the likeliest first; of equally likely ones the first. */
export function topLogProbabilities(logits: Float32Array, count: number): TokenLogProbability[] {
  const norm = logNorm(logits);
  return Array.from(largestIndices(logits, count), (token) => ({
    token,
    logProbability: (logits[token] as number) - norm,
  })).sort((left, right) => right.logProbability - left.logProbability);
}

/** The logarithm of what the exponentials of the logits add up to. */
function logNorm(logits: ArrayLike<number>): number {
  const largest = largestOf(logits);
  return largest + Math.log(sumOfExponentials(logits, largest));
}
