/** A probe's worth: cross-validated, calibrated, and always beside its two controls. */
import type { Probe } from "@sst/layers";
import { Random, SstError } from "@sst/tensor";
import { fitProbe, type ProbeRow } from "@sst/train";
import type { Interval } from "../statistics/bootstrap.js";
import { type Calibration, calibrationOf } from "../statistics/calibration.js";
import { areaWithInterval } from "../statistics/ranking.js";
import type { ProbeSample } from "./samples.js";
import { surfaceFeatures } from "./surface.js";

export interface AssessProbeOptions {
  /** Parts, each of which is predicted by a probe that was fitted on the others; defaults to 5. */
  readonly folds?: number;
  /** See `fitProbe`; defaults to 10. */
  readonly l2?: number;
  /** Draws the parts and the intervals; defaults to 0. */
  readonly seed?: number;
}

export interface Discrimination {
  /** Area under the ROC curve, of rows that the probe was not fitted on. */
  readonly area: number;
  readonly interval: Interval;
}

export interface ProbeAssessment {
  readonly samples: number;
  /** Share of answers that survive. */
  readonly surviving: number;
  readonly probe: Discrimination & { readonly calibration: Calibration };
  /** The same regression on surface features of the prompt. */
  readonly surface: Discrimination;
  /** The model's own maximum probability as the score. */
  readonly maximumProbability: Discrimination;
}

/**
 * Fits a probe on all samples, and says what one fitted on a part of them is worth on the rest.
 *
 * @throws SstError `invalid-argument` for fewer samples of a class than folds
 */
export function trainProbe(
  samples: readonly ProbeSample[],
  options: AssessProbeOptions = {},
): { readonly probe: Probe; readonly assessment: ProbeAssessment } {
  const { folds = 5, l2 = 10, seed = 0 } = options;
  const labels = samples.map(({ survived }) => survived);
  const parts = stratifiedFolds(labels, folds, seed);
  const rowsOf = (features: readonly ArrayLike<number>[]) =>
    features.map((values, index): ProbeRow => ({ features: values, label: labels[index] as boolean }));
  const states = rowsOf(samples.map((sample) => sample.states));
  const predicted = crossValidated(states, parts, l2);
  const surface = rowsOf(surfaceFeatures(samples.map(({ promptTokens }) => promptTokens)));
  const worth = (scores: ArrayLike<number>) => areaWithInterval(scores, labels, { seed });
  return {
    probe: fitProbe(states, { l2 }),
    assessment: {
      samples: samples.length,
      surviving: labels.filter(Boolean).length / labels.length,
      probe: { ...worth(predicted), calibration: calibrationOf(predicted, labels) },
      surface: worth(crossValidated(surface, parts, l2)),
      maximumProbability: worth(samples.map(({ maximumProbability }) => maximumProbability)),
    },
  };
}

/** Every row's probability by a probe that has not seen it. */
function crossValidated(rows: readonly ProbeRow[], parts: readonly number[], l2: number): Float64Array {
  const probabilities = new Float64Array(rows.length);
  for (const part of new Set(parts)) {
    const probe = fitProbe(
      rows.filter((_, index) => parts[index] !== part),
      { l2 },
    );
    for (const [index, { features }] of rows.entries()) {
      if (parts[index] === part) probabilities[index] = probe.probability(features);
    }
  }
  return probabilities;
}

/** The part of each row: both classes are dealt out evenly, in an order that the seed draws. */
export function stratifiedFolds(labels: readonly boolean[], folds: number, seed: number): number[] {
  if (!(Number.isInteger(folds) && folds >= 2)) {
    throw new SstError("invalid-argument", `folds should be a whole number of at least 2, but is ${folds}`);
  }
  const random = new Random(`folds/${seed}`);
  const parts = new Array<number>(labels.length);
  for (const label of [true, false]) {
    const rows = labels.flatMap((each, index) => (each === label ? [index] : []));
    if (rows.length < folds) {
      throw new SstError(
        "invalid-argument",
        `only ${rows.length} of ${labels.length} answers ${label ? "survive" : "break"}, too few for ${folds} folds: take ` +
          "more questions, or fewer folds",
      );
    }
    for (let dealt = 0; rows.length > 0; dealt++) {
      const [row] = rows.splice(random.integer(rows.length), 1);
      parts[row as number] = dealt % folds;
    }
  }
  return parts;
}
