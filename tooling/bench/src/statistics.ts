/** What is made of the rounds' figures. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const above = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + above) / 2 : above;
}

/** Median of the ratios round by round: what changes from round to round does not move it. */
export function medianRatio(numerators: readonly number[], denominators: readonly number[]): number {
  return median(numerators.map((value, round) => value / (denominators[round] ?? Number.NaN)));
}

export type Point = readonly [x: number, y: number];

/** The exponent p of `y = c · x^p` that fits best: the slope of the least-squares line through the logarithms. */
export function fittedExponent(points: readonly Point[]): number {
  const logarithms = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (axis: 0 | 1) => logarithms.reduce((sum, point) => sum + point[axis], 0) / logarithms.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logarithms.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logarithms.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
