/** What is kept of a study. */
import { bootstrapMean } from "@sst/eval";
import type { Answered } from "./ask.js";
import type { Family, Setting } from "./settings.js";

export type Range = readonly [low: number, high: number];

export interface PolicyRow {
  readonly family: Family;
  readonly setting: string;
  readonly maximum: number;
  readonly accuracy: number;
  /** 95 % by bootstrap over the questions of all seeds, the models being given. */
  readonly interval: Range;
  readonly accuracyBySeed: readonly number[];
  /** Accuracy less that of `fixed` at the trained depth, on the same questions, with its interval. */
  readonly difference: { readonly mean: number; readonly interval: Range };
  /** Of the questions that need 1, 2, … iterations: share that is right, and iterations in the mean. */
  readonly byNeeded: readonly { readonly needed: number; readonly accuracy: number; readonly iterations: number }[];
  /** Per answer, in the mean. */
  readonly iterations: number;
  readonly flops: number;
  /** The median; the machine had other work to do. */
  readonly durationMs: number;
}

export interface StudyResult {
  readonly study: string;
  readonly seeds: readonly number[];
  /** For each seed. */
  readonly questions: number;
  readonly trainedDepth: number;
  readonly chance: number;
  /** Reading a prompt up to its last position, which costs the same whatever the policy; in the mean. */
  readonly promptFlops: number;
  /** Which probes could be fitted, of as many models. */
  readonly fittedProbes: { readonly survival: number; readonly gain: number };
  readonly rows: readonly PolicyRow[];
}

/** @param bySeed of each seed the answers under this policy; `reference` those of `fixed` at the trained depth */
export function rowOf(
  { family, setting, maximum }: Omit<Setting, "policy">,
  bySeed: readonly (readonly Answered[])[],
  reference: readonly (readonly Answered[])[],
): PolicyRow {
  const all = bySeed.flat();
  const verdicts = all.map(({ isRight }) => Number(isRight));
  const differences = reference.flat().map(({ isRight }, index) => (verdicts[index] as number) - Number(isRight));
  return {
    ...{ family, setting, maximum, accuracy: mean(verdicts), interval: intervalOf(verdicts) },
    accuracyBySeed: bySeed.map((answers) => mean(answers.map(({ isRight }) => Number(isRight)))),
    difference: { mean: mean(differences), interval: intervalOf(differences) },
    byNeeded: [...new Set(all.map(({ needed }) => needed))].sort().map((needed) => {
      const own = all.filter((each) => each.needed === needed);
      return {
        needed,
        accuracy: mean(own.map(({ isRight }) => Number(isRight))),
        iterations: mean(own.map(({ iterations }) => iterations)),
      };
    }),
    iterations: mean(all.map(({ iterations }) => iterations)),
    flops: mean(all.map(({ flops }) => flops)),
    durationMs: median(all.map(({ durationMs }) => durationMs)),
  };
}

function intervalOf(values: readonly number[]): Range {
  const { low, high } = bootstrapMean(values, { resamples: 2000 });
  return [low, high];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] as number;
}
