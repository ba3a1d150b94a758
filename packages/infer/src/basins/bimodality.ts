/**
 * Whether numbers come in two kinds: Sarle's bimodality coefficient (as SAS gives it, corrected for small samples), and Hartigan and
 * Hartigan's dip test, whose p-value comes from samples of the uniform distribution, the least favourable unimodal one.
 */
import { Random, SstError } from "@sst/tensor";
import { dipOf } from "./dip.js";

export interface Bimodality {
  readonly count: number;
  /** 5/9 for a uniform distribution, 1 for two points; null where all are equal. Skewed unimodal samples can be above 5/9 too. */
  readonly coefficient: number | null;
  readonly dip: number;
  /** Of as large a dip in a unimodal distribution. */
  readonly pValue: number;
  /** Whether the dip test rejects one mode at 0.05. */
  readonly isBimodal: boolean;
}

export interface BimodalityOptions {
  /** Samples of the uniform distribution; defaults to 1000. */
  readonly samples?: number;
  /** Seeds them; defaults to 0. */
  readonly seed?: number;
}

/** @throws SstError `invalid-argument` for fewer than 4 values, `not-finite` */
export function bimodality(
  values: readonly number[],
  { samples = 1000, seed = 0 }: BimodalityOptions = {},
): Bimodality {
  const count = values.length;
  if (count < 4)
    throw new SstError("invalid-argument", `one or two modes need at least 4 values, but there are ${count}`);
  if (!values.every(Number.isFinite)) {
    throw new SstError("not-finite", "the values to look for modes in should be finite numbers");
  }
  const dip = dipOf(Float64Array.from(values).sort());
  const random = new Random(seed);
  let asLarge = 0;
  for (let sample = 0; sample < samples; sample++) {
    const drawn = Float64Array.from({ length: count }, () => random.uniform()).sort();
    if (dipOf(drawn) >= dip) asLarge++;
  }
  const pValue = (asLarge + 1) / (samples + 1);
  return { count, coefficient: sarleCoefficient(values), dip, pValue, isBimodal: pValue < 0.05 };
}

function sarleCoefficient(values: readonly number[]): number | null {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const moment = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / n;
  const variance = moment(2);
  if (variance === 0) return null;
  const skewness = (Math.sqrt(n * (n - 1)) / (n - 2)) * (moment(3) / variance ** 1.5);
  const excess = ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * (moment(4) / variance ** 2 - 3) + 6);
  return (skewness ** 2 + 1) / (excess + (3 * (n - 1) ** 2) / ((n - 2) * (n - 3)));
}
