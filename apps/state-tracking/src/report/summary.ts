/** What all the numbers say, in words. Every sentence here follows from the results; none is written down beforehand. */

import { count, enumerate, mean, percent, percentRange } from "@sst/report";
import { atTrained, type Comparison, isAtChance, lastAnswers, nameOf } from "./comparisons.js";
import { iterationGain, NOTICEABLE, repeatsLastSymbol } from "./iterations.js";

/** From this accuracy on a task counts as solved. */
const SOLVED = 0.99;

/** The findings over all comparisons, for the top of the page. */
export function findings(comparisons: readonly Comparison[]): string[] {
  const lengths = [2, 4].flatMap((times) => lengthFinding(comparisons, times) ?? []);
  const first = [streamFinding(comparisons), baselineFinding(comparisons)];
  return [...first, ...lengths, iterationFinding(comparisons), costFinding(comparisons)].filter(
    (sentence) => sentence !== "",
  );
}

function streamFinding(comparisons: readonly Comparison[]): string {
  const measured = comparisons.filter(({ stream }) => stream.length > 0);
  if (measured.length === 0) return "";
  const solved = measured.filter((comparison) => Math.min(...atTrained(comparison, "stream")) >= SOLVED);
  const what = `at least ${SOLVED * 100}% of the last answers at the trained length`;
  if (solved.length === measured.length) return `With the state stream, every task and every seed gets ${what} right.`;
  const missed = measured.filter((comparison) => !solved.includes(comparison));
  const figures = missed.map((comparison) => `${nameOf(comparison)}: ${percentRange(atTrained(comparison, "stream"))}`);
  return `With the state stream, ${solved.length} of ${count(measured.length, "comparison")} get ${what} right on every seed; not so ${figures.join("; ")}.`;
}

function baselineFinding(comparisons: readonly Comparison[]): string {
  const measured = comparisons.filter(({ baseline }) => baseline.length > 0);
  if (measured.length === 0) return "There is no run without the stream to compare with.";
  const above = measured.filter((comparison) => !isAtChance(comparison, atTrained(comparison, "baseline")));
  if (above.length === 0)
    return "Without it, the same transformer guesses: its last answer is at chance on every task.";
  const figures = above.map(
    (comparison) =>
      `${nameOf(comparison)}: ${percent(mean(atTrained(comparison, "baseline")))} where chance is ${percent(comparison.chance)}`,
  );
  const others = measured.length > above.length ? ", and at chance elsewhere" : "";
  return `Without it, the same transformer is above chance on ${figures.join("; ")}${others}.`;
}

function lengthFinding(comparisons: readonly Comparison[], times: number): string | undefined {
  const measured = comparisons.filter(
    ({ stream, trainedLength }) => lastAnswers(stream, times * trainedLength).length > 0,
  );
  if (measured.length === 0) return undefined;
  const at = (comparison: Comparison) => lastAnswers(comparison.stream, times * comparison.trainedLength);
  const holding = measured.filter((comparison) => mean(at(comparison)) >= SOLVED);
  const guessing = measured.filter(
    (comparison) => !holding.includes(comparison) && isAtChance(comparison, at(comparison)),
  );
  const between = measured.filter((comparison) => !holding.includes(comparison) && !guessing.includes(comparison));
  const figures = between.map((comparison) => `${percent(mean(at(comparison)))} on ${nameOf(comparison)}`);
  const start = times === 2 ? "At twice the trained length" : `At ${times} times the trained length`;
  if (holding.length === measured.length) return `${start} the stream still holds on every task.`;
  const clauses = [
    figures.length > 0 ? `it reaches ${enumerate(figures)} in the mean` : "",
    guessing.length > 0 ? `it is back at chance on ${enumerate(guessing.map(nameOf))}` : "",
  ].filter((clause) => clause !== "");
  const held =
    holding.length > 0 ? `holds only on ${enumerate(holding.map(nameOf))}` : "does not hold in full on any task";
  return `${start} the stream ${held}; ${clauses.join("; ")}.`;
}

function iterationFinding(comparisons: readonly Comparison[]): string {
  const gains = comparisons.flatMap((comparison) => iterationGain(comparison) ?? []);
  if (gains.length === 0) return "";
  const helped = gains.filter(({ gain }) => gain > NOTICEABLE);
  if (helped.length > 0) {
    const figures = helped.map(
      ({ name, best, gain }) => `${name} (${best} iterations, +${(gain * 100).toFixed(1)} points)`,
    );
    return `More than one iteration at the answer position helps on ${enumerate(figures)}.`;
  }
  const hurt = gains.filter(({ worst }) => worst < -NOTICEABLE).length;
  const harm = hurt === 0 ? "nor lowers it" : `and lowers it in ${hurt} of ${count(gains.length, "comparison")}`;
  const repeating = comparisons.filter((comparison) => repeatsLastSymbol(comparison)).length;
  const reason = repeating > 0 ? repetitionFinding(repeating, gains.length) : "";
  return `More than one iteration at the answer position never raises the accuracy ${harm}.${reason}`;
}

function repetitionFinding(repeating: number, measured: number): string {
  const where = repeating === measured ? "In every comparison" : `In ${repeating} of ${measured}`;
  return ` ${where} the figures are those of a model that takes the last symbol once for each iteration.`;
}

function costFinding(comparisons: readonly Comparison[]): string {
  const ratios = comparisons.flatMap(({ stream, baseline }) => {
    const secondsPerStep = (runs: Comparison["stream"]) => mean(runs.map(({ seconds, steps }) => seconds / steps));
    const ratio = secondsPerStep(stream) / secondsPerStep(baseline);
    return Number.isFinite(ratio) ? [ratio] : [];
  });
  if (ratios.length === 0) return "";
  const [low, high] = [Math.min(...ratios).toFixed(1), Math.max(...ratios).toFixed(1)];
  return `What it costs: a training step with the stream took ${low === high ? low : `${low} to ${high}`} times as long as one without.`;
}
