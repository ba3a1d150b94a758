/**
 * Σ exp(value − largest), which every generated token asks of its whole vocabulary: `Math.exp` would take most of a small model's time.
 * An exponential is looked up on a grid, and goes from there by the first terms of its series: 1e-13 of the sum at most.
 */

/** Points of the grid to one. */
const STEPS = 64;

/** What is further down than this is nothing beside the largest: exp(-64) is 1.6e-28. */
const REACH = 64;

const grid = Float64Array.from({ length: STEPS * REACH + 1 }, (_, index) => Math.exp(index / STEPS - REACH));

/** @param largest of the values; the sum is NaN where one of them is, or all are -Infinity */
export function sumOfExponentials(values: ArrayLike<number>, largest: number): number {
  // At hand in the loop, which a vocabulary goes through at every token.
  const [points, steps, width, top] = [grid, STEPS, 1 / STEPS, STEPS * REACH];
  let sum = 0;
  for (let index = 0; index < values.length; index++) {
    const place = ((values[index] as number) - largest) * steps + top;
    if (place < 0) continue;
    const point = place | 0;
    const rest = (place - point) * width;
    const series = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24 + rest * (1 / 120)))));
    sum += (points[point] as number) * series;
  }
  return sum;
}

/** The largest of the values that are numbers; `Math.max`, one after the other, would take longer than the sum. */
export function largestOf(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (value > largest) largest = value;
  }
  return largest;
}
