/** What the numbers say, in words. Every sentence here follows from the results; none is written down beforehand. */
import {
  accuraciesAt,
  type Comparison,
  chanceTolerance,
  isAtChance,
  iterationAccuracies,
  lastAnswers,
} from "./comparisons.js";
import { count, enumerate, mean, meanCurve, percent, percentRange } from "./statistics.js";
import { shareUnmovedByIterations, taskText } from "./tasks.js";

/** From this accuracy on a task counts as solved. */
const SOLVED = 0.99;
/** From this accuracy on a position counts as followed. */
const FOLLOWED = 0.9;
/** A change in accuracy below this is not spoken of. */
const NOTICEABLE = 0.01;
/** Measured and expected accuracies this close are said to agree. */
const AGREEMENT = 0.05;

/** The findings over all comparisons, for the top of the page. */
export function findings(comparisons: readonly Comparison[]): string[] {
  const lengths = [2, 4].flatMap((times) => lengthFinding(comparisons, times) ?? []);
  return [streamFinding(comparisons), baselineFinding(comparisons), ...lengths, iterationFinding(comparisons)].filter(
    (sentence) => sentence !== "",
  );
}

/** The findings of one comparison, for its section. */
export function comparisonFindings(comparison: Comparison): string[] {
  return [
    trainedLengthSentence(comparison),
    reachSentence(comparison),
    longerSentence(comparison),
    iterationSentence(comparison),
  ].filter((sentence) => sentence !== "");
}

function streamFinding(comparisons: readonly Comparison[]): string {
  const measured = comparisons.filter(({ stream }) => stream.length > 0);
  if (measured.length === 0) return "";
  const solved = measured.filter((comparison) => Math.min(...atTrained(comparison, "stream")) >= SOLVED);
  const what = `at least ${percent(SOLVED)} of the last answers at the trained length`;
  if (solved.length === measured.length) return `With the state stream, every task and every seed gets ${what} right.`;
  const missed = measured.filter((comparison) => !solved.includes(comparison));
  const figures = missed.map((comparison) => `${nameOf(comparison)}: ${percentRange(atTrained(comparison, "stream"))}`);
  return `With the state stream, ${solved.length} of ${count(measured.length, "comparison")} get ${what} right on every seed; not so ${figures.join("; ")}.`;
}

function baselineFinding(comparisons: readonly Comparison[]): string {
  const measured = comparisons.filter(({ baseline }) => baseline.length > 0);
  if (measured.length === 0) return "There is no run without the stream to compare with.";
  const above = measured.filter((comparison) => !isAtChance(comparison, atTrained(comparison, "baseline")));
  if (above.length === 0) return "Without it, the same transformer guesses: its last answer is at chance on every task.";
  const figures = above.map(
    (comparison) =>
      `${nameOf(comparison)} (${percent(mean(atTrained(comparison, "baseline")))}, chance ${percent(comparison.chance)})`,
  );
  const others = measured.length > above.length ? " and at chance elsewhere" : "";
  return `Without it, the same transformer is above chance on ${enumerate(figures)}${others}.`;
}

function lengthFinding(comparisons: readonly Comparison[], times: number): string | undefined {
  const measured = comparisons.filter(({ stream, trainedLength }) => lastAnswers(stream, times * trainedLength).length > 0);
  if (measured.length === 0) return undefined;
  const at = (comparison: Comparison) => lastAnswers(comparison.stream, times * comparison.trainedLength);
  const holding = measured.filter((comparison) => mean(at(comparison)) >= SOLVED);
  const guessing = measured.filter((comparison) => !holding.includes(comparison) && isAtChance(comparison, at(comparison)));
  const between = measured.filter((comparison) => !holding.includes(comparison) && !guessing.includes(comparison));
  const figures = between.map((comparison) => `${nameOf(comparison)} ${percent(mean(at(comparison)))}`);
  const start = times === 2 ? "At twice the trained length" : `At ${times}× the trained length`;
  if (holding.length === measured.length) return `${start} the stream still holds on every task.`;
  const clauses = [
    holding.length > 0 ? `it holds on ${enumerate(holding.map(nameOf))}` : "it holds nowhere in full",
    figures.length > 0 ? `reaches ${enumerate(figures)} in the mean` : "",
    guessing.length > 0 ? `is back at chance on ${enumerate(guessing.map(nameOf))}` : "",
  ].filter((clause) => clause !== "");
  return `${start} the stream does not hold everywhere: ${clauses.join("; it ")}.`;
}

function iterationFinding(comparisons: readonly Comparison[]): string {
  const gains = comparisons.flatMap((comparison) => iterationGain(comparison) ?? []);
  if (gains.length === 0) return "";
  const helped = gains.filter(({ gain }) => gain > NOTICEABLE);
  if (helped.length > 0) {
    const figures = helped.map(({ name, best, gain }) => `${name} (${best} iterations, +${(gain * 100).toFixed(1)} points)`);
    return `More than one iteration at the answer position helps on ${enumerate(figures)}.`;
  }
  const hurt = gains.filter(({ worst }) => worst < -NOTICEABLE).length;
  const harm = hurt === 0 ? "nor does it harm" : `and it lowers it in ${hurt} of ${count(gains.length, "comparison")}`;
  return `More than one iteration at the answer position never raises the accuracy, ${harm}: trained with one, the model takes another as the same symbol once more.`;
}

function iterationGain(comparison: Comparison) {
  const [first, ...more] = iterationAccuracies(comparison.stream).map(({ iterations, accuracies }) => ({
    iterations,
    accuracy: mean(accuracies),
  }));
  if (!first || more.length === 0) return undefined;
  const best = more.reduce((left, right) => (right.accuracy > left.accuracy ? right : left));
  const worst = Math.min(...more.map(({ accuracy }) => accuracy)) - first.accuracy;
  return { name: nameOf(comparison), best: best.iterations, gain: best.accuracy - first.accuracy, worst };
}

function trainedLengthSentence(comparison: Comparison): string {
  const [stream, baseline] = [atTrained(comparison, "stream"), atTrained(comparison, "baseline")];
  const withStream = stream.length > 0 ? `The last of ${comparison.trainedLength} answers is right in ${spread(stream)} with the stream` : "";
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
  const describe = (positions: number) => (positions >= trainedLength ? "every position" : count(positions, "position"));
  return `At the trained length, at least ${percent(FOLLOWED)} are right over the first ${describe(withStream)} with the stream, over the first ${describe(without)} without it.`.replaceAll(
    "the first every position",
    "every position",
  );
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
  if (mean(accuracies) >= SOLVED) return "still holds";
  if (isAtChance(comparison, accuracies)) return "is back at chance";
  return mean(accuracies) >= FOLLOWED ? "mostly holds" : "fails in part";
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

/** Whether the accuracies are those of a model that takes the last symbol x once per iteration: s·xⁱ. */
function repetitionClause({ task, stream, ...rest }: Comparison): string {
  const depths = iterationAccuracies(stream);
  const expected = depths.map(({ iterations }) => shareUnmovedByIterations(task, iterations));
  if (depths.length === 0 || expected.some((share) => share === undefined)) return "";
  const figures = enumerate((expected as number[]).map(percent));
  const tolerance = Math.max(AGREEMENT, chanceTolerance({ task, stream, ...rest }));
  const agrees = depths.every(({ accuracies }, index) => Math.abs(mean(accuracies) - (expected[index] as number)) <= tolerance);
  return agrees
    ? `, and the figures are those of a model that computes s·xⁱ, the last symbol x taken i times (${figures} expected)`
    : `; a model that computed s·xⁱ, the last symbol x taken i times, would have ${figures}`;
}

function atTrained(comparison: Comparison, variant: "stream" | "baseline"): number[] {
  return lastAnswers(comparison[variant], comparison.trainedLength);
}

function spread(accuracies: readonly number[]): string {
  const range = percentRange(accuracies);
  const average = percent(mean(accuracies));
  if (accuracies.length === 1) return `${average} (one seed)`;
  return range === average ? `${average} (every one of ${accuracies.length} seeds)` : `${average} (${accuracies.length} seeds: ${range})`;
}

function nameOf({ part, task }: Comparison): string {
  return part === "cotrained" ? `${taskText(task).title}, co-trained` : taskText(task).title;
}
