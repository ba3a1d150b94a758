/** Whether probabilities mean what they say. */

export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean probability of the rows in the bin; NaN in an empty one. */
  readonly predicted: number;
  /** Share of them that are of the positive class. */
  readonly observed: number;
}

export interface Calibration {
  /** Mean over rows of |predicted − observed| of their bins. */
  readonly expectedError: number;
  /** Mean squared difference of probability and outcome (Brier). */
  readonly brierScore: number;
  readonly bins: readonly ReliabilityBin[];
}

/** Bins of equal width. */
export function calibrationOf(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  binCount = 10,
): Calibration {
  const sums = Array.from({ length: binCount }, () => ({ count: 0, predicted: 0, observed: 0 }));
  let squares = 0;
  for (let row = 0; row < probabilities.length; row++) {
    const [probability, outcome] = [probabilities[row] as number, Number(labels[row])];
    const bin = sums[Math.min(binCount - 1, Math.floor(probability * binCount))] as (typeof sums)[number];
    bin.count++;
    bin.predicted += probability;
    bin.observed += outcome;
    squares += (probability - outcome) ** 2;
  }
  const gap = sums.reduce((total, { predicted, observed }) => total + Math.abs(predicted - observed), 0);
  return {
    expectedError: gap / probabilities.length,
    brierScore: squares / probabilities.length,
    bins: sums.map(({ count, predicted, observed }, index) => ({
      from: index / binCount,
      to: (index + 1) / binCount,
      count,
      predicted: predicted / count,
      observed: observed / count,
    })),
  };
}
