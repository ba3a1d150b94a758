/** A trajectory in two dimensions: its first two principal components (PCA). */
import { PCA } from "ml-pca";
import { directionsOf, type Trajectory } from "./trajectory.js";

export interface Projection {
  /** By position. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Shares of the variance that the two directions hold. */
  readonly explained: readonly [x: number, y: number];
}

/**
 * Of the states as directions, which is what basins are found in. A component's sign is chosen so that its farthest point is
 * positive. States that are all the same lie at 0.
 *
 * @throws SstError as `findBasins`
 */
export function projectStates(states: Trajectory): Projection {
  const rows = directionsOf(states);
  const centre = rows[0] as Float64Array;
  if (rows.every((row) => row.every((value, at) => value === centre[at]))) {
    return { points: rows.map(() => [0, 0]), explained: [0, 0] };
  }
  const analysis = new PCA(rows.map((row) => [...row]));
  const explained = analysis.getExplainedVariance();
  const scores = analysis.predict(rows.map((row) => [...row])).to2DArray();
  const column = (component: number) => {
    const values = scores.map((row) => row[component] ?? 0);
    const farthest = values.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far), 0);
    return farthest < 0 ? values.map((value) => -value) : values;
  };
  const [xs, ys] = [column(0), column(1)];
  return {
    points: xs.map((x, position) => [x, ys[position] as number]),
    explained: [explained[0] ?? 0, explained[1] ?? 0],
  };
}
