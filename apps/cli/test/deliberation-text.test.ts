/** A deliberation as one word: what it means, the way back, and what is refused with what there is. */
import { describe, expect, test } from "vitest";
import type { Deliberation } from "../src/deliberation/deliberation.js";
import { deliberationText, parseDeliberation } from "../src/deliberation/deliberation-text.js";

const meanings: [string, Deliberation][] = [
  ["fixed:2", { policy: "fixed", iterations: 2 }],
  ["until-converged:tolerance=0.01,maximum=4", { policy: "until-converged", tolerance: 0.01, maximum: 4 }],
  ["until-decided:entropy-nats=0.5,maximum=4", { policy: "until-decided", entropyNats: 0.5, maximum: 4 }],
  [
    "until-decided:change-nats=1e-7,change-bits=0,maximum=16",
    { policy: "until-decided", changeNats: 1e-7, changeBits: 0, maximum: 16 },
  ],
  ["probe:maximum=3", { policy: "probe", maximum: 3 }],
  ["probe:threshold=0.75,maximum=3", { policy: "probe", threshold: 0.75, maximum: 3 }],
];

for (const [text, meaning] of meanings) {
  test(`${text} is understood, and written so`, () => {
    expect(parseDeliberation(text)).toEqual(meaning);
    expect(deliberationText(meaning)).toBe(text);
  });
}

test("settings may come in any order, and the iterations of fixed by their name", () => {
  expect(parseDeliberation("until-converged:maximum=4,tolerance=.5")).toEqual({
    policy: "until-converged",
    tolerance: 0.5,
    maximum: 4,
  });
  expect(parseDeliberation("fixed:iterations=3")).toEqual({ policy: "fixed", iterations: 3 });
});

describe("refused", () => {
  for (const [text, why] of [
    ["", 'there is no policy ""'],
    ["4", 'there is no policy "4"'],
    ["forever:maximum=4", 'there is no policy "forever"'],
    ["fixed", "fixed needs iterations"],
    ["fixed:", "fixed needs iterations"],
    ["fixed:0", "iterations should be at least 1"],
    ["fixed:1.5", "iterations should be a whole number"],
    ["fixed:two", "iterations should be a number"],
    ["fixed:2,maximum=4", '"2" is not a setting'],
    ["until-converged:tolerance=0.01", "until-converged needs maximum"],
    ["until-converged:tolerance=-1,maximum=4", "tolerance should be at least 0"],
    ["until-converged:tolerance=1,maximum=4,entropy-nats=1", "until-converged has no setting entropy-nats"],
    ["until-converged:tolerance=1,maximum=4,maximum=5", "maximum is given twice"],
    ["until-converged:policy=1,tolerance=1,maximum=4", "policy is given twice"],
    ["until-decided:maximum=4", "until-decided needs a bound: entropy-nats, change-nats, change-bits"],
    ["probe:threshold=2,maximum=4", "threshold should be at most 1"],
    ["probe:maximum=", '"maximum=" is not a setting'],
  ] as const) {
    test(`"${text}": ${why}`, () => {
      expect(() => parseDeliberation(text)).toThrowError(
        expect.objectContaining({
          code: "invalid-argument",
          message: expect.stringMatching(/; there are fixed:2, until-converged:.*probe:maximum=4/),
        }),
      );
      expect(() => parseDeliberation(text)).toThrowError(why);
    });
  }
});
