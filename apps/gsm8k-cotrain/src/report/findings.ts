/** What the numbers say, in sentences, whichever way they turned out. */
import { count, enumerate, mean, percent } from "@sst/report";
import type { Results } from "../results.js";
import { accuracies, isAheadOnAllSeeds, type SetSummary } from "../summary.js";

export function findings({ runs, experiment }: Results, summaries: readonly SetSummary[]): string[] {
  const seeds = count(runs.length, "seed");
  return [
    ...summaries.map((summary) => setSentence(summary, seeds)),
    ...summaries.slice(0, 1).map(depthSentence),
    ...stepsSentence(summaries),
    ...lossSentence(runs),
    ...(experiment.chance === undefined ? [] : [`Guessing one answer gives ${percent(experiment.chance)}.`]),
  ];
}

function setSentence(summary: SetSummary, seeds: string): string {
  const { title, role, comparison } = summary;
  const { stream, baseline } = accuracies(summary);
  const listed = (values: readonly number[]) => enumerate(values.map(percent));
  const { interval } = comparison;
  const verdict = isAheadOnAllSeeds(summary)
    ? interval.low > 0
      ? "the stream is ahead on every seed, and by more than chance"
      : "the stream is ahead on every seed, but not by more than chance"
    : interval.high < 0
      ? "the stream is behind, by more than chance"
      : "no gain that holds over seeds";
  const where = role === "harder" ? `${title}, harder than in training` : title;
  return `${where} (${seeds}): ${listed(stream)} with the stream, ${listed(baseline)} for the matched baseline; ${verdict}.`;
}

function depthSentence({ title, depths, sets }: SetSummary): string {
  const [first, ...deeper] = depths;
  if (first === undefined || deeper.length === 0) return `${title}: one depth alone was evaluated.`;
  const best = deeper.reduce((left, right) => (right.accuracy > left.accuracy ? right : left));
  const questions = sets.reduce((total, set) => total + set.questions, 0);
  // The best of three depths is ahead by chance now and then: three standard errors.
  const noise = 3 * Math.sqrt((first.accuracy * (1 - first.accuracy)) / questions);
  return best.accuracy > first.accuracy + noise
    ? `Iterating at the answer raises the accuracy on ${title} from ${percent(first.accuracy)} to ${percent(best.accuracy)} at ${best.name}.`
    : `Iterating at the answer does not raise the accuracy on ${title} by more than chance: ${percent(first.accuracy)} at depth 1, at most ${percent(best.accuracy)} deeper. The model was trained with one iteration a position.`;
}

/** Whether the backbone can do a step at all. */
function stepsSentence(summaries: readonly SetSummary[]): string[] {
  return summaries.slice(0, 1).flatMap(({ title, sets }) => {
    const written = sets.flatMap(({ backboneWithSteps }) => backboneWithSteps ?? []);
    if (written.length === 0) return [];
    const knowsSteps = mean(written) >= 0.9;
    const figures = `The backbone itself reaches ${percent(mean(sets.map(({ backbone }) => backbone)))} on ${title}, and ${percent(mean(written))} where the number after every sentence is written into the prompt`;
    return [
      knowsSteps
        ? `${figures}: it knows the arithmetic of a step, and lacks what carries a number from step to step.`
        : `${figures}: at this length it does not do a single step reliably, even with the number before it in sight.`,
    ];
  });
}

function lossSentence(runs: Results["runs"]): string[] {
  const losses = runs.flatMap(({ losses: each }) => each ?? []);
  if (losses.length === 0) return [];
  const figures = (name: "stream" | "baseline" | "backbone") => enumerate(losses.map((each) => each[name].toFixed(4)));
  return [
    `Loss on held-out answers, nats a token: ${figures("stream")} with the stream, ${figures("baseline")} for the matched baseline, ${figures("backbone")} before co-training.`,
  ];
}
