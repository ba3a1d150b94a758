/** What the numbers of one comparison say, in words that follow from them. */

import { count, enumerate, mean, meanCurve, percent, percentRange } from "@sst/report";
import {
  accuraciesAt,
  atTrained,
  type Comparison,
  isAtChance,
  iterationAccuracies,
  lastAnswers,
} from "./comparisons.js";
import { expectedByRepetition, iterationGain, NOTICEABLE, repeatsLastSymbol } from "./iterations.js";

/** From these accuracies on the stream holds, or mostly so; and a position counts as followed. */
const HOLDS = 0.99;
const FOLLOWED = 0.9;

/** The findings of one comparison, for its section. */
export function comparisonFindings(comparison: Comparison): string[] {
  return [
    trainedLengthSentence(comparison),
    reachSentence(comparison),
    longerSentence(comparison),
    iterationSentence(comparison),
  ].filter((sentence) => sentence !== "");
}

function trainedLengthSentence(comparison: Comparison): string {
  const [stream, baseline] = [atTrained(comparison, "stream"), atTrained(comparison, "baseline")];
  const withStream =
    stream.length > 0
      ? `The last of ${comparison.trainedLength} answers is right in ${spread(stream)} with the stream`
      : "";
  if (baseline.length === 0) return withStream && `${withStream}; there is no run without it to compare with.`;
  const verdict = isAtChance(comparison, baseline)
    ? `no better than guessing (${percent(comparison.chance)})`
    : `which is above chance (${percent(comparison.chance)})`;
  const without = `${spread(baseline)} without it, ${verdict}`;
  return withStream ? `${withStream} and in ${without}.` : `In ${without}.`;
}

function reachSentence(comparison: Comparison): string {
  const { trainedLength, stream, baseline } = comparison;
  const [withStream, without] = [reach(stream, trainedLength), reach(baseline, trainedLength)];
  if (withStream === undefined || without === undefined) return "";
  const describe = (positions: number) => {
    if (positions >= trainedLength) return "at every position";
    return positions === 0 ? "not even at the first position" : `at the first ${count(positions, "position")}`;
  };
  const share = `In sequences of ${trainedLength}, at least ${FOLLOWED * 100}% of the answers are right`;
  return `${share} ${describe(withStream)} with the stream and ${describe(without)} without it.`;
}

/** Positions from the start on at which the mean over seeds stays followed. */
function reach(runs: Comparison["stream"], length: number): number | undefined {
  const curves = accuraciesAt(runs, length).map(({ byPosition }) => byPosition);
  if (curves.length === 0) return undefined;
  const curve = meanCurve(curves);
  const lost = curve.findIndex((accuracy) => accuracy < FOLLOWED);
  return lost < 0 ? curve.length : lost;
}

function longerSentence(comparison: Comparison): string {
  const clauses = comparison.lengths
    .filter((length) => length > comparison.trainedLength)
    .flatMap((length) => {
      const accuracies = lastAnswers(comparison.stream, length);
      if (accuracies.length === 0) return [];
      const verdict = longerVerdict(comparison, accuracies);
      return [`at ${length} (${length / comparison.trainedLength}×) it ${verdict} (${percent(mean(accuracies))})`];
    });
  return clauses.length > 0 ? `Beyond the length it was trained on, ${enumerate(clauses)}.` : "";
}

function longerVerdict(comparison: Comparison, accuracies: readonly number[]): string {
  if (mean(accuracies) >= HOLDS) return "still holds";
  if (isAtChance(comparison, accuracies)) return "is back at chance";
  if (mean(accuracies) >= FOLLOWED) return "mostly holds";
  return mean(accuracies) >= (1 + comparison.chance) / 2 ? "fails in part" : "mostly fails";
}

function iterationSentence(comparison: Comparison): string {
  const gain = iterationGain(comparison);
  if (!gain) return "";
  const depths = iterationAccuracies(comparison.stream);
  const figures = depths.map(({ accuracies }) => percent(mean(accuracies)));
  const start = `With ${enumerate(depths.map(({ iterations }) => String(iterations)))} iterations at the last symbol ${enumerate(figures)} are right`;
  const verdict = gain.gain > NOTICEABLE ? "iterating helps" : "iterating does not help";
  return `${start}: ${verdict}${repetitionClause(comparison)}.`;
}

/** What is to be said about a model that takes the last symbol x once per iteration, s·xⁱ. */
function repetitionClause(comparison: Comparison): string {
  const expected = expectedByRepetition(comparison);
  if (!expected) return "";
  const figures = enumerate(expected.map(percent));
  return repeatsLastSymbol(comparison)
    ? `, and the figures are those of a model that computes s·xⁱ, the last symbol x taken i times (${figures} expected)`
    : `; a model that computed s·xⁱ, the last symbol x taken i times, would have ${figures}`;
}

function spread(accuracies: readonly number[]): string {
  const range = percentRange(accuracies);
  const average = percent(mean(accuracies));
  if (accuracies.length === 1) return `${average} (one seed)`;
  return range === average
    ? `${average} (every one of ${accuracies.length} seeds)`
    : `${average} (${accuracies.length} seeds: ${range})`;
}
