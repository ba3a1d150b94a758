/** The runs, sorted into what is compared with what. */

import { mean } from "@sst/report";
import type { AccuracyAtLength, Results, RunResult } from "../results.js";
import { taskText } from "./tasks.js";

/** All seeds of one task in one part, with and without the stream. */
export interface Comparison {
  readonly part: RunResult["part"];
  readonly task: string;
  readonly trainedLength: number;
  /** The lengths evaluated, ascending. */
  readonly lengths: readonly number[];
  readonly chance: number;
  readonly evaluatedSequences: number;
  readonly stream: readonly RunResult[];
  readonly baseline: readonly RunResult[];
}

export function comparisonsOf(results: Results): Comparison[] {
  const groups = new Map<string, RunResult[]>();
  for (const run of results.runs) {
    const key = JSON.stringify([run.part, run.task]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map((runs) => comparisonOf(runs, results));
}

function comparisonOf(runs: readonly RunResult[], results: Results): Comparison {
  const { part, task, trainedLength } = runs[0] as RunResult;
  return {
    part,
    task,
    trainedLength,
    lengths: lengthsOf(runs),
    chance: results.chance[task] ?? Number.NaN,
    evaluatedSequences: results.evaluatedSequences,
    stream: runs.filter((run) => run.stream),
    baseline: runs.filter((run) => !run.stream),
  };
}

export function lengthsOf(runs: readonly RunResult[]): number[] {
  const lengths = new Set(runs.flatMap((run) => Object.keys(run.accuracy).map(Number)));
  return [...lengths].sort((left, right) => left - right);
}

/** What each run of a variant reached at a length. */
export function accuraciesAt(runs: readonly RunResult[], length: number): AccuracyAtLength[] {
  return runs.flatMap((run) => {
    const accuracy = run.accuracy[String(length)];
    return accuracy ? [accuracy] : [];
  });
}

/** Accuracy of the last answer, one figure a seed. */
export function lastAnswers(runs: readonly RunResult[], length: number): number[] {
  return accuraciesAt(runs, length).map(({ last }) => last);
}

/** Accuracy of the last answer by iterations: a list with one figure a seed for each depth measured. */
export function iterationAccuracies(runs: readonly RunResult[]): { iterations: number; accuracies: number[] }[] {
  const depths = new Set(runs.flatMap((run) => Object.keys(run.accuracyByIterations ?? {}).map(Number)));
  return [...depths]
    .sort((left, right) => left - right)
    .map((iterations) => ({
      iterations,
      accuracies: runs.flatMap((run) => run.accuracyByIterations?.[String(iterations)] ?? []),
    }));
}

/** The alphas of each layer, all seeds together. */
export function alphasByLayer(runs: readonly RunResult[]): number[][] {
  const layers = Math.max(0, ...runs.map((run) => run.alphas?.length ?? 0));
  return Array.from({ length: layers }, (_, layer) => runs.flatMap((run) => run.alphas?.[layer] ?? []));
}

/**
 * How far from chance a model that guesses may land: three standard errors of one seed's evaluation, and at least three
 * points (a guesser may know a little about the first symbols).
 */
export function chanceTolerance({ chance, evaluatedSequences }: Comparison): number {
  return Math.max(0.03, 3 * Math.sqrt((chance * (1 - chance)) / evaluatedSequences));
}

/** Whether these accuracies are, in the mean, no better than guessing. */
export function isAtChance(comparison: Comparison, accuracies: readonly number[]): boolean {
  return mean(accuracies) <= comparison.chance + chanceTolerance(comparison);
}

export const partTitles: Readonly<Record<RunResult["part"], string>> = {
  scratch: "From scratch",
  cotrained: "Co-trained on a frozen backbone",
};

/** Accuracy of the last answer at the trained length, one figure a seed. */
export function atTrained(comparison: Comparison, variant: "stream" | "baseline"): number[] {
  return lastAnswers(comparison[variant], comparison.trainedLength);
}

/** How the comparison is called within a sentence. */
export function nameOf({ part, task }: Comparison): string {
  const { name } = taskText(task);
  return part === "cotrained" ? `${name} (co-trained)` : name;
}
