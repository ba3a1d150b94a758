/** Texts end where a plain search over all of them says, whatever the pieces, and nothing has to be taken back. */
import { StopTexts, TextAssembler } from "@sst/infer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** What was given out after each piece and at the end. */
function given(pieces: string[], stops: string[]): { texts: string[]; found: string | undefined } {
  const matcher = new StopTexts(stops);
  const texts = pieces.map((piece) => matcher.push(piece));
  texts.push(matcher.end());
  return { texts, found: matcher.found };
}

/** By a plain search over the whole text. */
function expected(text: string, stops: string[]): { text: string; found: string | undefined } {
  const places = stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0);
  if (places.length === 0) return { text, found: undefined };
  const first = Math.min(...places);
  const there = stops.filter((stop) => text.startsWith(stop, first)).sort((left, right) => left.length - right.length);
  return { text: text.slice(0, first), found: there[0] };
}

// Few letters, so that stop strings occur, overlap and nearly occur; one of two units.
const letters = fc.constantFrom("a", "b", "c", "😀", "😁");
const pieceOf = (maxLength: number) => fc.array(letters, { maxLength }).map((each) => each.join(""));
const stopStrings = fc.array(
  fc.array(letters, { minLength: 1, maxLength: 5 }).map((each) => each.join("")),
  {
    maxLength: 4,
  },
);

describe("StopTexts", () => {
  test("is a plain search over the whole text, for any pieces", () => {
    fc.assert(
      fc.property(fc.array(pieceOf(4), { maxLength: 12 }), stopStrings, (pieces, stops) => {
        const { texts, found } = given(pieces, stops);
        expect({ text: texts.join(""), found }).toEqual(expected(pieces.join(""), stops));
      }),
      { numRuns: 3000 },
    );
  });

  test("after each piece, all is given out that no continuation can take back, and no more", () => {
    fc.assert(
      fc.property(fc.array(pieceOf(3), { maxLength: 8 }), stopStrings, (pieces, stops) => {
        const matcher = new StopTexts(stops);
        let [seen, out] = ["", ""];
        for (const piece of pieces) {
          seen += piece;
          out += matcher.push(piece);
          // The text may go on with the rest of any stop string.
          const rests = ["", ...stops.flatMap((stop) => Array.from(stop, (_, at) => [...stop].slice(at).join("")))];
          const ends = rests.map((rest) => expected(seen + rest, stops).text.slice(0, seen.length).length);
          expect(out).toBe(seen.slice(0, Math.min(...ends)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  const cases: [string, string[], string[], string[], string | undefined][] = [
    ["a stop string over three pieces", ["on", "e ST", "O", "P two"], ["STOP"], ["on", "e ", "", "", ""], "STOP"],
    ["one that does not come after all", ["x ST", "AY"], ["STOP"], ["x ", "STAY", ""], undefined],
    ["one that overlaps itself", ["aa", "ab"], ["aab"], ["", "a", ""], "aab"],
    ["a beginning at the end", ["x", "ST"], ["STOP"], ["x", "", "ST"], undefined],
    ["the earlier of two waits for its end", ["abc", "d"], ["bc", "abcd"], ["", "", ""], "abcd"],
    ["the later counts where the earlier does not come", ["abc", "x"], ["bc", "abcd"], ["", "a", ""], "bc"],
    ["the later counts where nothing comes any more", ["abc"], ["bc", "abcd"], ["", "a"], "bc"],
    ["of two at one place the shorter needs no waiting", ["a\n", "\n"], ["\n\n", "\n"], ["a", "", ""], "\n"],
    ["no stop strings", ["a", "b"], [], ["a", "b", ""], undefined],
  ];
  for (const [name, pieces, stops, texts, found] of cases) {
    test(name, () => expect(given(pieces, stops)).toEqual({ texts, found }));
  }

  test("empty and broken stop strings are refused", () => {
    expect(() => new StopTexts(["a", ""])).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
    expect(() => new StopTexts(["\ud83d"])).toThrowError(/half of a character/);
  });
});

describe("TextAssembler", () => {
  const words = ["one", " tw", "o th", "ree"];
  const decoder = () => ({ push: (token: number) => words[token] as string, end: () => "…" });

  test("puts pieces and the decoder's rest together", () => {
    const assembler = new TextAssembler(decoder());
    expect([0, 1, 2, 3].map((token) => assembler.push(token)).join("") + assembler.end()).toBe("one two three…");
    expect(assembler.found).toBeUndefined();
  });

  test("a stop string over tokens ends it, in the decoder's rest too", () => {
    const assembler = new TextAssembler(decoder(), ["two"]);
    expect([0, 1, 2, 3].map((token) => assembler.push(token))).toEqual(["one", " ", "", ""]);
    expect(assembler.found).toBe("two");
    expect(assembler.end()).toBe("");
    const late = new TextAssembler(decoder(), ["ee…"]);
    expect(late.push(3) + late.end()).toBe("r");
    expect(late.found).toBe("ee…");
  });
});
