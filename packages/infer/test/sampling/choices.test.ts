/** Constrained choice gives one of the answers, each as likely as its tokens say; scores are closed forms. */
import { type ChoicePlace, ChoiceTrie, Sampler, scoreChoices } from "@sst/infer";
import { Random } from "@sst/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const END = 9;

function follow(trie: ChoiceTrie, tokens: number[]): ChoicePlace {
  return tokens.reduce((place, token) => place.after(token), trie.start);
}

const sorted = (tokens: Iterable<number>) => [...tokens].sort((left, right) => left - right);

describe("ChoiceTrie", () => {
  test("allows what leads to an answer, and is complete where no other can come", () => {
    const trie = new ChoiceTrie([[1, 2, 3], [1, 4], [5]]);
    expect(trie.start).toMatchObject({ allowed: [1, 5], answer: undefined });
    expect(follow(trie, [1])).toMatchObject({ allowed: [2, 4], answer: undefined });
    expect(follow(trie, [1, 2, 3])).toMatchObject({ allowed: [], answer: 0 });
    expect(follow(trie, [1, 4])).toMatchObject({ allowed: [], answer: 1 });
    expect(follow(trie, [5])).toMatchObject({ allowed: [], answer: 2 });
  });

  test("an answer that another begins with is chosen by an end token", () => {
    const trie = new ChoiceTrie([[1], [1, 2], [1, 2, 3]], [END, 8]);
    expect(follow(trie, [1])).toMatchObject({ allowed: [2, END, 8], answer: 0 });
    expect(follow(trie, [1, END])).toMatchObject({ allowed: [], answer: 0 });
    expect(follow(trie, [1, 2, 8])).toMatchObject({ allowed: [], answer: 1 });
    expect(follow(trie, [1, 2, 3])).toMatchObject({ allowed: [], answer: 2 });
  });

  test("allows what a search through all answers finds, for any answers", () => {
    const answer = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 });
    const answers = fc.uniqueArray(answer, { minLength: 1, maxLength: 8, selector: (tokens) => tokens.join() });
    fc.assert(
      fc.property(answers, (all) => {
        const trie = new ChoiceTrie(all, [END]);
        for (const tokens of all) {
          for (let length = 0; length <= tokens.length; length++) {
            const chosen = tokens.slice(0, length);
            const place = follow(trie, chosen);
            const possible = all.filter((other) => chosen.every((token, at) => other[at] === token));
            const complete = possible.findIndex((other) => other.length === length);
            const going = new Set(
              possible.filter((other) => other.length > length).map((other) => other[length] as number),
            );
            if (complete >= 0 && going.size > 0) going.add(END);
            expect(sorted(place.allowed)).toEqual(sorted(going));
            expect(place.answer).toBe(complete < 0 ? undefined : all.indexOf(possible[complete] as number[]));
          }
        }
      }),
    );
  });

  test("a sampler that keeps to it gives answers alone, as likely as their tokens", () => {
    const answers = [[0, 1], [0, 2], [3]];
    const trie = new ChoiceTrie(answers);
    const logits = Float32Array.from([1, 0, 1.5, 0.5, 6, 7]);
    const random = new Random("choices");
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 10_000; draw++) {
      const sampler = new Sampler({ temperature: 1 }, { random });
      let place = trie.start;
      while (place.allowed.length > 0) place = place.after(sampler.next(logits, place.allowed).token);
      counts[place.answer as number] = (counts[place.answer as number] as number) + 1;
    }
    const [zero, one] = [1 / (1 + Math.exp(-0.5)), 1 / (1 + Math.exp(1.5))];
    for (const [answer, share] of [zero * one, zero * (1 - one), 1 - zero].entries()) {
      // Four standard deviations of a frequency over 10,000 draws.
      expect(Math.abs((counts[answer] as number) / 10_000 - share)).toBeLessThan(0.02);
    }
  });

  const refusals: [string, () => unknown, string, RegExp][] = [
    ["no answers", () => new ChoiceTrie([]), "invalid-argument", /no answers/],
    ["an empty answer", () => new ChoiceTrie([[1], []]), "invalid-argument", /answer 1 has no tokens/],
    ["two of the same", () => new ChoiceTrie([[1, 2], [3], [1, 2]]), "invalid-argument", /answers 0 and 2/],
    ["a beginning without end tokens", () => new ChoiceTrie([[1, 2], [1]]), "contradiction", /begins with answer 1/],
    ["an end token that goes on", () => new ChoiceTrie([[1], [1, 2]], [2]), "invalid-argument", /end token 2/],
    ["a token that leads nowhere", () => follow(new ChoiceTrie([[1, 2]]), [2]), "invalid-argument", /allowed are 1/],
    ["a token after the end", () => follow(new ChoiceTrie([[1]]), [1, 1]), "invalid-argument", /is complete/],
  ];
  for (const [name, attempt, code, message] of refusals) {
    test(`${name} is refused`, () => {
      expect(attempt).toThrowError(expect.objectContaining({ code }));
      expect(attempt).toThrowError(message);
    });
  }
});

describe("scoreChoices", () => {
  const given = [[0.5, 0.5], [0.3], [0.6, 0.9, 0.5]].map((each) => each.map(Math.log));

  test("by sums, the shares among the answers", () => {
    const { best, scores, probabilities } = scoreChoices(given);
    expect(best).toBe(1);
    expect(Math.exp(scores[2] as number)).toBeCloseTo(0.27, 12);
    expect(probabilities).toEqual([0.25, 0.3, 0.27].map((share) => expect.closeTo(share / 0.82, 12)));
  });

  test("by means, the length does not count", () => {
    const { best, scores } = scoreChoices(given, "mean");
    expect(best).toBe(2);
    expect(Math.exp(scores[2] as number)).toBeCloseTo(0.27 ** (1 / 3), 12);
  });

  test("an impossible answer has no chance; none at all, a NaN and nothing are refused", () => {
    expect(scoreChoices([[-Infinity], [-3]]).probabilities).toEqual([0, 1]);
    for (const [broken, code] of [
      [[[-Infinity]], "not-finite"],
      [[[0], [Number.NaN]], "not-finite"],
      [[], "invalid-argument"],
      [[[0], []], "invalid-argument"],
    ] as const) {
      expect(() => scoreChoices(broken)).toThrowError(expect.objectContaining({ code }));
    }
  });
});
