/** The fewest of many weights that make up a share of them, without ordering all. */

/** Indices of the largest weights that are needed for the share `topP`, ascending; of equal weights the first are. */
export function nucleusOf(weights: Float64Array, topP: number): Int32Array {
  let whole = 0;
  for (let index = 0; index < weights.length; index++) whole += weights[index] as number;
  const { least, count } = leastNeeded(weights, topP * whole);
  const nucleus: number[] = [];
  for (let index = 0, left = count; index < weights.length; index++) {
    const weight = weights[index] as number;
    if (weight > least || (weight === least && left-- > 0)) nucleus.push(index);
  }
  return Int32Array.from(nucleus);
}

/** The smallest weight that is needed for a sum of the largest ones, and how many of that weight. */
function leastNeeded(weights: Float64Array, wanted: number): { least: number; count: number } {
  // Quickselect: the part in which the sum is reached is split by a pivot, until it is reached among weights equal to the pivot.
  const values = weights.slice();
  let [start, end, missing] = [0, values.length, wanted];
  for (;;) {
    const pivot = middleOf(values[start] as number, values[(start + end) >> 1] as number, values[end - 1] as number);
    const { larger, smaller, sum } = partition(values, start, end, pivot);
    const equal = smaller - larger;
    if (missing <= sum && larger > start) {
      end = larger;
    } else if (missing <= sum + equal * pivot || smaller === end) {
      return { least: pivot, count: Math.min(equal, Math.ceil(Math.max(0, missing - sum) / pivot)) };
    } else {
      missing -= sum + equal * pivot;
      start = smaller;
    }
  }
}

/** Puts the larger values to the left of those equal to the pivot, the smaller ones to their right. */
function partition(
  values: Float64Array,
  start: number,
  end: number,
  pivot: number,
): { larger: number; smaller: number; sum: number } {
  let [larger, at, smaller, sum] = [start, start, end, 0];
  while (at < smaller) {
    const value = values[at] as number;
    if (value > pivot) {
      values[at++] = values[larger] as number;
      values[larger++] = value;
      sum += value;
    } else if (value < pivot) {
      values[at] = values[--smaller] as number;
      values[smaller] = value;
    } else {
      at++;
    }
  }
  return { larger, smaller, sum };
}

function middleOf(first: number, second: number, third: number): number {
  return Math.max(Math.min(first, second), Math.min(Math.max(first, second), third));
}
