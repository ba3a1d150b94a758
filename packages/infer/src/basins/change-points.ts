/**
 * Where a trajectory changes: PELT (Killick, Fearnhead and Eckley, 2012), the exact minimum over all divisions into stretches of
 * each stretch's squared distance from its own mean plus a penalty for every change.
 */

/**
 * First positions of the stretches after the first one, ascending.
 *
 * @param shortest positions that a stretch has at least
 */
export function changePoints(rows: readonly Float64Array[], penalty: number, shortest: number): number[] {
  const cost = stretchCosts(rows);
  // Of the division of the rows before `end`: its cost, and where its last stretch begins.
  const best: number[] = [-penalty];
  const lastStart: number[] = [0];
  let candidates = [0];
  for (let end = 1; end <= rows.length; end++) {
    const costs = candidates.map((start) => {
      const isAllowed = end - start >= shortest || (start === 0 && end === rows.length);
      const division = best[start] as number;
      return isAllowed ? division + cost(start, end) + penalty : Number.POSITIVE_INFINITY;
    });
    const least = Math.min(...costs, Number.POSITIVE_INFINITY);
    best[end] = least;
    lastStart[end] = candidates[costs.indexOf(least)] ?? 0;
    // PELT: a start that is worse by more than the penalty is never again the best. Too short ones have not been judged yet.
    candidates = candidates.filter((_, index) => {
      const own = costs[index] as number;
      return own === Number.POSITIVE_INFINITY || own <= least + penalty;
    });
    candidates.push(end);
  }
  const points: number[] = [];
  for (let start = lastStart[rows.length] as number; start > 0; start = lastStart[start] as number)
    points.unshift(start);
  return points;
}

/** The squared distance of a stretch from its mean, in time that does not grow with its length. */
function stretchCosts(rows: readonly Float64Array[]): (start: number, end: number) => number {
  const size = rows[0]?.length ?? 0;
  const sums = [new Float64Array(size)];
  const squares = [0];
  for (const [index, row] of rows.entries()) {
    const before = sums[index] as Float64Array;
    sums.push(before.map((sum, at) => sum + (row[at] as number)));
    squares.push((squares[index] as number) + row.reduce((sum, value) => sum + value * value, 0));
  }
  return (start, end) => {
    const [from, to] = [sums[start] as Float64Array, sums[end] as Float64Array];
    let ofMean = 0;
    for (let at = 0; at < size; at++) ofMean += ((to[at] as number) - (from[at] as number)) ** 2;
    return (squares[end] as number) - (squares[start] as number) - ofMean / (end - start);
  };
}
