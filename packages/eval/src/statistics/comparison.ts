/** A model and its matched baseline on the same questions. */
import { SstError } from "@sst/tensor";
import { type BootstrapOptions, bootstrapMean, type Interval } from "./bootstrap.js";
import { mcNemarExact } from "./mcnemar.js";

export interface Comparison {
  readonly questions: number;
  readonly accuracy: number;
  readonly baselineAccuracy: number;
  /** Accuracy of the model minus the baseline's. */
  readonly difference: number;
  /** Of the difference, by a paired bootstrap over questions. */
  readonly interval: Interval;
  /** Questions that only one of the two answered right. */
  readonly onlyModel: number;
  readonly onlyBaseline: number;
  /** McNemar's exact test, two-sided. */
  readonly pValue: number;
  /** See `errorReduction`; undefined for a baseline without errors. */
  readonly errorReduction: number | undefined;
}

/**
 * @param verdicts of the model, by question
 * @param baseline verdicts on the same questions in the same order
 * @throws SstError `contradiction` for another number of questions, `invalid-argument` for none
 */
export function compare(
  verdicts: readonly boolean[],
  baseline: readonly boolean[],
  options: BootstrapOptions = {},
): Comparison {
  if (verdicts.length !== baseline.length) {
    throw new SstError(
      "contradiction",
      `a comparison needs the same questions, but the model answered ${verdicts.length} and the baseline ${baseline.length}`,
    );
  }
  const differences = verdicts.map((verdict, index) => Number(verdict) - Number(baseline[index]));
  const interval = bootstrapMean(differences, options);
  const onlyModel = differences.filter((difference) => difference > 0).length;
  const onlyBaseline = differences.filter((difference) => difference < 0).length;
  const accuracy = accuracyOf(verdicts);
  const baselineAccuracy = accuracyOf(baseline);
  return {
    questions: verdicts.length,
    accuracy,
    baselineAccuracy,
    difference: (onlyModel - onlyBaseline) / verdicts.length,
    interval,
    onlyModel,
    onlyBaseline,
    pValue: mcNemarExact(onlyModel, onlyBaseline),
    errorReduction: errorReduction(verdicts.length, accuracy, baselineAccuracy),
  };
}

export function accuracyOf(verdicts: readonly boolean[]): number {
  return verdicts.filter(Boolean).length / verdicts.length;
}

/** (errors of the baseline − errors of the model) / errors of the baseline (paper); undefined where the baseline has none. */
export function errorReduction(questions: number, accuracy: number, baselineAccuracy: number): number | undefined {
  const errors = Math.round(questions * (1 - accuracy));
  const baselineErrors = Math.round(questions * (1 - baselineAccuracy));
  return baselineErrors === 0 ? undefined : (baselineErrors - errors) / baselineErrors;
}
