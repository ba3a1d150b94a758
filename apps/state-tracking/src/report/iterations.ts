/** What more iterations at the answer position do. */

import { mean } from "@sst/report";
import { type Comparison, chanceTolerance, iterationAccuracies, nameOf } from "./comparisons.js";
import { shareUnmovedByIterations } from "./tasks.js";

/** A change in accuracy below this is not spoken of. */
export const NOTICEABLE = 0.01;
/** Measured and expected accuracies this close are said to agree. */
const AGREEMENT = 0.05;

/** The best and the worst that more than one iteration does to the accuracy, in the mean over seeds. */
export function iterationGain(comparison: Comparison) {
  const [first, ...more] = iterationAccuracies(comparison.stream).map(({ iterations, accuracies }) => ({
    iterations,
    accuracy: mean(accuracies),
  }));
  if (!first || more.length === 0) return undefined;
  const best = more.reduce((left, right) => (right.accuracy > left.accuracy ? right : left));
  const worst = Math.min(...more.map(({ accuracy }) => accuracy)) - first.accuracy;
  return { name: nameOf(comparison), best: best.iterations, gain: best.accuracy - first.accuracy, worst };
}

/** Whether the accuracies are those of a model that takes the last symbol x once per iteration: s·xⁱ. */
export function repeatsLastSymbol(comparison: Comparison): boolean {
  const tolerance = Math.max(AGREEMENT, chanceTolerance(comparison));
  const depths = iterationAccuracies(comparison.stream);
  const expected = expectedByRepetition(comparison);
  return (
    expected?.every((share, index) => Math.abs(mean(depths[index]?.accuracies ?? []) - share) <= tolerance) ?? false
  );
}

/** By depth; undefined where nothing was measured or the task's group is not known. */
export function expectedByRepetition({ task, stream }: Comparison): number[] | undefined {
  const depths = iterationAccuracies(stream);
  const shares = depths.flatMap(({ iterations }) => shareUnmovedByIterations(task, iterations) ?? []);
  return depths.length > 0 && shares.length === depths.length ? shares : undefined;
}
