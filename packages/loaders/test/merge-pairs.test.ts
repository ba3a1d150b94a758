/** Merging by a queue against merging by looking at all pairs again and again. */
import { Random } from "@sst/tensor";
import { expect, test } from "vitest";
import { mergePairs, type Union } from "../src/tokenizers/merge-pairs.js";

/** As the definition says it, in cubic time. */
function mergedSlowly(
  given: readonly number[],
  unionOf: (left: number, right: number) => Union | undefined,
): readonly number[] {
  const unions = given.slice(1).map((right, at) => unionOf(given[at] as number, right));
  const best = Math.max(...unions.map((union) => union?.score ?? Number.NEGATIVE_INFINITY));
  const at = unions.findIndex((union) => union?.score === best);
  const union = unions[at];
  return union === undefined ? given : mergedSlowly(given.toSpliced(at, 2, union.token), unionOf);
}

test("any rules, any text, ties included", () => {
  const random = new Random("merge-pairs");
  let merges = 0;
  for (let round = 0; round < 300; round++) {
    const symbols = 2 + random.integer(4);
    const rules = new Map<string, Union>();
    for (let token = symbols; token < symbols + 12; token++) {
      const pair = [random.integer(token), random.integer(token)].join();
      if (!rules.has(pair)) rules.set(pair, { token, score: random.integer(4) });
    }
    const text = Array.from({ length: random.integer(40) }, () => random.integer(symbols));
    const unionOf = (left: number, right: number) => rules.get([left, right].join());
    const merged = mergePairs(text, unionOf);
    expect(merged).toEqual(mergedSlowly(text, unionOf));
    merges += text.length - merged.length;
  }
  expect(merges).toBeGreaterThan(1000);
});
