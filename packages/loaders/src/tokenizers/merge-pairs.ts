/** Byte-pair merging in the order of scores, in time that grows with a text's length and not with its square. */
import TinyQueue from "tinyqueue";

/** What two neighbours become. */
export interface Union {
  readonly token: number;
  readonly score: number;
}

/** Neighbours that may be merged, unless one of them has been merged otherwise by then. */
interface Candidate extends Union {
  /** Where the left one begins. */
  readonly at: number;
  readonly left: number;
  readonly right: number;
}

/**
 * Merges the neighbours whose union has the best score, the first of them where several have it, until none is left.
 *
 * @param unionOf undefined for neighbours that do not merge
 */
export function mergePairs(
  tokens: readonly number[],
  unionOf: (left: number, right: number) => Union | undefined,
): number[] {
  const merged: (number | undefined)[] = [...tokens];
  // Neighbours of what begins at a place; what was merged into its left neighbour is undefined above.
  const after = tokens.map((_, at) => at + 1);
  const before = tokens.map((_, at) => at - 1);
  const queue = new TinyQueue<Candidate>([], (one, other) => other.score - one.score || one.at - other.at);
  const consider = (at: number) => {
    const next = after[at] as number;
    if (at < 0 || next >= tokens.length) return;
    const [left, right] = [merged[at] as number, merged[next] as number];
    const union = unionOf(left, right);
    if (union !== undefined) queue.push({ ...union, at, left, right });
  };
  for (let at = 0; at < tokens.length; at++) consider(at);
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    const next = after[best.at] as number;
    if (merged[best.at] !== best.left || merged[next] !== best.right) continue;
    merged[best.at] = best.token;
    merged[next] = undefined;
    const behind = after[next] as number;
    after[best.at] = behind;
    if (behind < tokens.length) before[behind] = best.at;
    consider(best.at);
    consider(before[best.at] as number);
  }
  return merged.filter((token) => token !== undefined);
}
