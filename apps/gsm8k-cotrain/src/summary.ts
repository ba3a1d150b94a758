/** The seeds of a set of questions together: what the table, the page and its sentences are made of. */
import { type Comparison, compare } from "@sst/eval";
import { mean } from "@sst/report";
import type { QuestionSet, Results } from "./results.js";

export interface SetSummary {
  readonly title: string;
  readonly role: QuestionSet["role"];
  /** By seed. */
  readonly sets: readonly QuestionSet[];
  /** With the stream at depth 1 against the baseline, the questions of all seeds together. */
  readonly comparison: Comparison;
  /** Mean accuracy over seeds at each depth. */
  readonly depths: readonly { readonly name: string; readonly accuracy: number; readonly flops: number }[];
  readonly unionOverDepths: number;
  /** Means over the seeds that have a probe; absent where none has. */
  readonly probed?: { readonly accuracy: number; readonly iterations: number };
}

export function summarize({ runs }: Results): SetSummary[] {
  return (runs[0]?.sets ?? []).map(({ title, role, depths }, index) => {
    const sets = runs.map((run) => run.sets[index] as QuestionSet);
    const probed = sets.flatMap((set) => set.probed ?? []);
    return {
      title,
      role,
      sets,
      comparison: compare(
        sets.flatMap((set) => verdictsOf(set.depths[0]?.verdicts ?? "")),
        sets.flatMap((set) => verdictsOf(set.baseline.verdicts)),
        // Thousands of questions: fewer draws are enough for two digits.
        { resamples: 2000 },
      ),
      depths: depths.map(({ name, flops }, depth) => ({
        name,
        flops,
        accuracy: mean(sets.map((set) => set.depths[depth]?.accuracy ?? Number.NaN)),
      })),
      unionOverDepths: mean(sets.map((set) => set.unionOverDepths)),
      ...(probed.length > 0 && {
        probed: {
          accuracy: mean(probed.map(({ accuracy }) => accuracy)),
          iterations: mean(probed.map(({ iterations }) => iterations)),
        },
      }),
    };
  });
}

/** By seed: the accuracy with the stream at depth 1, and the baseline's. */
export function accuracies({ sets }: SetSummary): { stream: number[]; baseline: number[] } {
  return {
    stream: sets.map((set) => set.depths[0]?.accuracy ?? Number.NaN),
    baseline: sets.map((set) => set.baseline.accuracy),
  };
}

/** Whether the stream is ahead of its baseline on every seed. */
export function isAheadOnAllSeeds(summary: SetSummary): boolean {
  const { stream, baseline } = accuracies(summary);
  return stream.every((accuracy, seed) => accuracy > (baseline[seed] as number));
}

function verdictsOf(text: string): boolean[] {
  return Array.from(text, (verdict) => verdict === "1");
}
