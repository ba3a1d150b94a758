/** Basins: the long stable stretches that a latent state sits in, and which of them are the same place. */
import { SstError } from "@sst/tensor";
import { changePoints } from "./change-points.js";
import { mergeStretches } from "./merge-stretches.js";
import { noisePenalty } from "./noise.js";
import { directionsOf, meanRow, squaredDistance, type Trajectory } from "./trajectory.js";

export interface BasinOptions {
  /** Probability of any change point at all in a trajectory of pure noise, at most; defaults to 0.05. */
  readonly falsePositiveRate?: number;
  /** Positions that a stretch has at least; defaults to 2. */
  readonly shortestStretch?: number;
}

export interface Stretch {
  readonly start: number;
  /** The first position behind it. */
  readonly end: number;
  /** Counted from 0, in the order in which basins first appear. */
  readonly basin: number;
}

export interface Basins {
  readonly stretches: readonly Stretch[];
  readonly basinCount: number;
  /** First positions of the stretches after the first one. */
  readonly changePoints: readonly number[];
  /** By position. */
  readonly basinOf: readonly number[];
  /**
   * How much nearer positions are to their own basin's mean than to the next one's: the mean simplified silhouette, from -1 to 1;
   * null for one basin.
   */
  readonly silhouette: number | null;
  /** The squared error of directions that a change point had to gain. */
  readonly penalty: number;
}

/**
 * Change points by PELT on the directions of the states, with a penalty from the trajectory's own noise; stretches joined to basins
 * by Ward's criterion at the same price. Noise is judged by the steps between neighbours, so a state that is elsewhere at every
 * position has no stretches, and one that drifts slowly is cut where it has gone far.
 *
 * @param states by position; `[hiddenSize]` each
 * @throws SstError `invalid-argument`, `shape-mismatch`, `not-finite` naming the position
 */
export function findBasins(states: Trajectory, options: BasinOptions = {}): Basins {
  const { falsePositiveRate = 0.05, shortestStretch = 2 } = options;
  if (!(falsePositiveRate > 0 && falsePositiveRate < 1)) {
    throw new SstError("invalid-argument", `falsePositiveRate should be between 0 and 1, but is ${falsePositiveRate}`);
  }
  if (!(Number.isInteger(shortestStretch) && shortestStretch >= 1)) {
    throw new SstError(
      "invalid-argument",
      `shortestStretch should be a whole number of at least 1, but is ${shortestStretch}`,
    );
  }
  const rows = directionsOf(states);
  const penalty = noisePenalty(rows, falsePositiveRate);
  const points = Number.isFinite(penalty) ? changePoints(rows, penalty, shortestStretch) : [];
  const borders = [0, ...points, rows.length];
  const spans = borders.slice(1).map((end, index) => ({ start: borders[index] as number, end }));
  const means = spans.map(({ start, end }) => ({ mean: meanRow(rows, start, end), positions: end - start }));
  const basins = mergeStretches(means, penalty);
  const stretches = spans.map((span, index) => ({ ...span, basin: basins[index] as number }));
  const basinOf = stretches.flatMap(({ start, end, basin }) => Array.from({ length: end - start }, () => basin));
  const basinCount = new Set(basins).size;
  return {
    stretches,
    basinCount,
    changePoints: points,
    basinOf,
    silhouette: silhouette(rows, basinOf, basinCount),
    penalty,
  };
}

function silhouette(rows: readonly Float64Array[], basinOf: readonly number[], basinCount: number): number | null {
  if (basinCount < 2) return null;
  const means = Array.from({ length: basinCount }, (_, basin) => {
    const own = rows.filter((_, position) => basinOf[position] === basin);
    return meanRow(own, 0, own.length);
  });
  const scores = rows.map((row, position) => {
    const distances = means.map((mean) => Math.sqrt(squaredDistance(row, mean)));
    const own = distances[basinOf[position] as number] as number;
    const next = Math.min(...distances.filter((_, basin) => basin !== basinOf[position]));
    return Math.max(own, next) === 0 ? 0 : (next - own) / Math.max(own, next);
  });
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
