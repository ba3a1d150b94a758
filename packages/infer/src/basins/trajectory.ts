/** A trajectory of latent states, made comparable: each state as a direction. */
import { SstError } from "@sst/tensor";

/** One row per position. */
export type Trajectory = readonly ArrayLike<number>[];

/**
 * The states at unit length, in float64: squared distances between them are then twice the cosine distance. A state of zeros stays.
 *
 * @throws SstError `invalid-argument` for no states, `shape-mismatch` for rows of different length, `not-finite` naming the position
 */
export function directionsOf(states: Trajectory): Float64Array[] {
  const size = states[0]?.length ?? 0;
  if (size === 0) throw new SstError("invalid-argument", "there are no states to look at: trace at least one position");
  return states.map((state, position) => {
    if (state.length !== size) {
      throw new SstError(
        "shape-mismatch",
        `all states should be of one width, but position 0 has ${size} numbers and position ${position} has ${state.length}`,
      );
    }
    const values = Float64Array.from(state);
    if (!values.every(Number.isFinite)) {
      throw new SstError(
        "not-finite",
        `the state at position ${position} is not finite: leave it out, or mend the model`,
      );
    }
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    return norm === 0 ? values : values.map((value) => value / norm);
  });
}

export function squaredDistance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += ((left[index] as number) - (right[index] as number)) ** 2;
  return sum;
}

/** Of the rows from `start` up to and without `end`. */
export function meanRow(rows: readonly Float64Array[], start: number, end: number): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (let row = start; row < end; row++) {
    const values = rows[row] as Float64Array;
    for (let index = 0; index < mean.length; index++) {
      mean[index] = (mean[index] as number) + (values[index] as number) / (end - start);
    }
  }
  return mean;
}
