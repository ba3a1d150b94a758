/** Small statistics, and how figures are written. */

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const index = share * (sorted.length - 1);
  const low = sorted[Math.floor(index)] ?? Number.NaN;
  const high = sorted[Math.ceil(index)] ?? Number.NaN;
  return low + (high - low) * (index - Math.floor(index));
}

/** Entry by entry; lists may differ in length, the mean is over those that reach so far. */
export function meanCurve(curves: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...curves.map((curve) => curve.length));
  return Array.from({ length }, (_, index) =>
    mean(curves.flatMap((curve) => (index < curve.length ? [curve[index] as number] : []))),
  );
}

/** "100%" only for a perfect share: anything less is at most "99.9%". */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share === 1) return "100%";
  return `${Math.min(share * 100, 99.9).toFixed(1)}%`;
}

/** "99.8–100%"; one figure where all agree. */
export function percentRange(shares: readonly number[]): string {
  if (shares.length === 0) return "–";
  const low = percent(Math.min(...shares));
  const high = percent(Math.max(...shares));
  return low === high ? low : `${low.slice(0, -1)}–${high}`;
}

/** "a", "a and b", "a, b and c". */
export function enumerate(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? "none";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
