/**
 * How much a trajectory wanders without changing, and what a change therefore has to gain. Ours.
 *
 * Splitting a stretch of pure Gaussian noise in two lowers its squared error by a weighted chi-squared sum, whose weights are the
 * eigenvalues of the noise's covariance. Laurent and Massart (2000, lemma 1) bound its tail:
 * P(gain > tr + 2·√(trSquared·x) + 2·largest·x) ≤ exp(-x). With x = log(positions / rate) the bound holds for all places of a
 * split together.
 */
import { PCA } from "ml-pca";
import { squaredDistance } from "./trajectory.js";

/** Steps that the covariance's shape is taken from at most. */
const stepsAtMost = 200;

/** Below this, relative to the states' own size of 1, a step is rounding. */
const roundingFloor = 1e-9;

/** The gain in squared error that noise reaches with a probability of at most `falsePositiveRate`. */
export function noisePenalty(directions: readonly Float64Array[], falsePositiveRate: number): number {
  const steps = directions.slice(1).map((row, index) => ({
    step: row.map((value, at) => value - ((directions[index] as Float64Array)[at] as number)),
    size: squaredDistance(row, directions[index] as Float64Array),
  }));
  if (steps.length < 2) return Number.POSITIVE_INFINITY;
  const sizes = steps.map(({ size }) => size).sort((left, right) => left - right);
  const median = ((sizes[(sizes.length - 1) >> 1] as number) + (sizes[sizes.length >> 1] as number)) / 2;
  if (median < roundingFloor) return roundingFloor * directions.length;
  // Jumps are among the steps: the shape comes from the smaller half of them, the size from their median.
  const smaller = steps.filter(({ size }) => size <= median);
  const every = Math.ceil(smaller.length / stepsAtMost);
  const { trace, traceOfSquare, largest } = spectrum(
    smaller.filter((_, index) => index % every === 0).map(({ step }) => step),
  );
  // Wilson and Hilferty: the median of a weighted chi-squared sum in terms of its mean. A step holds the noise twice.
  const degrees = trace ** 2 / traceOfSquare;
  const total = median / 2 / (1 - 2 / (9 * degrees)) ** 3;
  const scale = total / trace;
  const x = Math.log(directions.length / falsePositiveRate);
  return total + 2 * Math.sqrt(traceOfSquare * scale ** 2 * x) + 2 * largest * scale * x;
}

/** Of the steps' second moments: sums over the eigenvalues and over their squares, and the largest. */
function spectrum(steps: readonly Float64Array[]): { trace: number; traceOfSquare: number; largest: number } {
  // A repeated zero row keeps the library from refusing a single step, and scales all eigenvalues alike.
  const eigenvalues = new PCA([...steps.map((step) => [...step]), [...(steps[0] as Float64Array)].map(() => 0)], {
    center: false,
  }).getEigenvalues();
  return {
    trace: eigenvalues.reduce((sum, value) => sum + value, 0),
    traceOfSquare: eigenvalues.reduce((sum, value) => sum + value ** 2, 0),
    largest: Math.max(...eigenvalues),
  };
}
