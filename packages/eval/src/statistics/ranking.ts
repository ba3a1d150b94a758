/** How well scores tell two classes apart. */
import { type BootstrapOptions, bootstrapInterval, type Interval } from "./bootstrap.js";

/**
 * The area under the receiver operating characteristic: the probability that a row of the positive class has the higher
 * score, ties counting half (Mann and Whitney). NaN where a class is missing.
 */
export function areaUnderCurve(scores: ArrayLike<number>, labels: ArrayLike<boolean>): number {
  const order = Array.from({ length: scores.length }, (_, index) => index).sort(
    (left, right) => (scores[left] as number) - (scores[right] as number),
  );
  return areaOf(order, scores, labels, () => 1);
}

/** With an interval by drawing rows again. */
export function areaWithInterval(
  scores: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  options: BootstrapOptions = {},
): { readonly area: number; readonly interval: Interval } {
  const order = Array.from({ length: scores.length }, (_, index) => index).sort(
    (left, right) => (scores[left] as number) - (scores[right] as number),
  );
  // Sorted once: a draw only says how often each row counts.
  const counts = new Float64Array(scores.length);
  const interval = bootstrapInterval(
    scores.length,
    (indices) => {
      counts.fill(0);
      for (const index of indices) counts[index] = (counts[index] as number) + 1;
      return areaOf(order, scores, labels, (index) => counts[index] as number);
    },
    { resamples: 2000, ...options },
  );
  return { area: areaOf(order, scores, labels, () => 1), interval };
}

function areaOf(
  order: readonly number[],
  scores: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  countOf: (index: number) => number,
): number {
  let [positives, negatives, wins] = [0, 0, 0];
  for (let at = 0; at < order.length; ) {
    const score = scores[order[at] as number];
    let [tiedPositives, tiedNegatives] = [0, 0];
    for (; at < order.length && scores[order[at] as number] === score; at++) {
      const index = order[at] as number;
      if (labels[index]) tiedPositives += countOf(index);
      else tiedNegatives += countOf(index);
    }
    wins += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return positives === 0 || negatives === 0 ? Number.NaN : wins / (positives * negatives);
}
