/** Intervals by drawing again from what was seen (Efron's percentile bootstrap). */
import { Random, SstError } from "@sst/tensor";

export interface BootstrapOptions {
  /** Defaults to 0. */
  readonly seed?: number | string;
  /** How often is drawn again; defaults to 10,000. */
  readonly resamples?: number;
  /** Share of draws inside the interval; defaults to 0.95. */
  readonly level?: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/**
 * Interval of a figure of `size` items (questions, in pairs of both models' verdicts).
 *
 * @param figure of items given by their indices; NaN where it does not exist, and such draws are left out
 * @throws SstError `invalid-argument` for no items, and for options that are none
 */
export function bootstrapInterval(
  size: number,
  figure: (indices: Int32Array) => number,
  options: BootstrapOptions = {},
): Interval {
  const { seed = 0, resamples = 10_000, level = 0.95 } = options;
  if (size < 1) throw new SstError("invalid-argument", "an interval needs at least one item");
  if (!(Number.isInteger(resamples) && resamples >= 1)) {
    throw new SstError("invalid-argument", `resamples should be a whole number of at least 1, but is ${resamples}`);
  }
  if (!(level > 0 && level < 1)) {
    throw new SstError("invalid-argument", `level should be between 0 and 1, but is ${level}`);
  }
  const random = new Random(`bootstrap/${seed}`);
  const indices = new Int32Array(size);
  const figures: number[] = [];
  for (let draw = 0; draw < resamples; draw++) {
    for (let item = 0; item < size; item++) indices[item] = random.integer(size);
    const value = figure(indices);
    if (!Number.isNaN(value)) figures.push(value);
  }
  const sorted = Float64Array.from(figures).sort();
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2), level };
}

/** As `bootstrapInterval`, of the mean of values: of differences, it is the paired interval. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  const mean = (indices: Int32Array) => {
    let total = 0;
    for (let item = 0; item < indices.length; item++) total += values[indices[item] as number] as number;
    return total / indices.length;
  };
  return bootstrapInterval(values.length, mean, options);
}

/** Between the two nearest of ascending values. NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (place - below) * (high - low);
}
