/** Streams of text: whole characters only, all of the text, and no more work for a token late in a text than for an early one. */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { Llama2cTokenizer, loadTokenizer, memorySource, type Tokenizer } from "@sst/loaders";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { llama2cTokenizerFile } from "./llama2c-files.js";
import { byteFallbackTokenizer, byteLevelTokenizer, json } from "./tokenizer-files.js";

const fromJson = (content: object) => loadTokenizer(memorySource({ "tokenizer.json": json(content) }));

/** Families and flags of several code points, marks that combine, every length of UTF-8, spaces, and U+FFFD itself. */
const pieces = [
  "👩‍👩‍👧‍👦",
  "🏳️‍🌈",
  "🇨🇭",
  "e\u0301\u0323",
  "ก็",
  "€",
  "é",
  "\u{10FFFF}",
  "\uFEFF",
  "\uFFFD",
  "\u2581",
  "  ",
  " a",
  "ab",
  "abc",
  "\n",
];
const text = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "grapheme", maxLength: 4 })))
  .map((parts) => parts.join(""));

const tokenizers: [string, number, () => Promise<Tokenizer>][] = [
  ["byte-level", 259, () => fromJson(byteLevelTokenizer())],
  ["byte-fallback", 268, () => fromJson(byteFallbackTokenizer())],
  [
    "llama2.c",
    266,
    async () =>
      new Llama2cTokenizer(
        llama2cTokenizerFile([
          [" ", -1],
          ["a", -2],
          ["b", -3],
          ["ab", -4],
          [" a", -5],
          [" ab", -6],
          ["é", -7],
        ]),
      ),
  ],
];

describe.each(tokenizers)("%s", (name, vocabSize, load) => {
  /**
   * Of bytes to fall back on, the library leaves out a byte order mark, at once and in a stream; and since such a
   * vocabulary writes its spaces as U+2581, a text's own U+2581 is a space when it comes back.
   */
  const readable = (given: string) =>
    name === "byte-fallback" ? given.replaceAll("\uFEFF", "").replaceAll("\u2581", " ") : given;

  /** Every prefix of a stream is one of the whole text: so no piece ends in a U+FFFD that does not stay. */
  function requireStream(tokenizer: Tokenizer, tokens: readonly number[], prompted = 0): void {
    const whole = tokenizer.decode(tokens);
    const prompt = tokens.slice(0, prompted);
    const decoder = tokenizer.streamDecoder(prompt);
    let given = tokenizer.decode(prompt).replace(/\uFFFD$/, "");
    for (const token of tokens.slice(prompted)) {
      given += decoder.push(token);
      if (!whole.startsWith(given)) expect(given).toBe(whole.slice(0, given.length));
    }
    expect(given + decoder.end()).toBe(whole);
  }

  test("texts come out as they went in", async () => {
    const tokenizer = await load();
    expect(tokenizer.vocabSize).toBe(vocabSize);
    fc.assert(
      fc.property(text, (given) => {
        const tokens = tokenizer.encode(given);
        expect(readable(tokenizer.decode(tokens))).toBe(readable(given));
        requireStream(tokenizer, tokens);
      }),
      { numRuns: 500 },
    );
  });

  test("tokens at random, most of their bytes no characters, come out as they do at once", async () => {
    const tokenizer = await load();
    // Bytes that begin and continue characters come often.
    const bytes = [0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xef, 0xbb, 0xbf, 0xed, 0xff].map((byte) =>
      byteToken(tokenizer, byte),
    );
    const token = fc.oneof(fc.constantFrom(...bytes), fc.integer({ min: 0, max: vocabSize - 1 }));
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => requireStream(tokenizer, tokens)),
      { numRuns: 2000 },
    );
  });

  test("a prompt may end anywhere, within a character too", async () => {
    const tokenizer = await load();
    fc.assert(
      fc.property(text, fc.nat(), (given, place) => {
        // What a prompt ends with that is U+FFFD itself counts as not finished.
        const tokens = tokenizer.encode(given.replaceAll("\uFFFD", ""));
        requireStream(tokenizer, tokens, place % (tokens.length + 1));
      }),
      { numRuns: 500 },
    );
  });
});

test("a token late in a long text is decoded with as few others as an early one", async () => {
  for (const [content, name] of [
    [byteLevelTokenizer(), "<|end|>"],
    [byteFallbackTokenizer(), "<s>"],
  ] as const) {
    const tokenizer = await fromJson(content);
    const prompt = tokenizer.encode("abc ".repeat(500));
    // Bytes that never become a character, and special tokens, which have no text, must not fill a window.
    const special = tokenizer.encode(name)[0] as number;
    const invalid = Array.from({ length: 500 }, () => [byteToken(tokenizer, 0x80), special]).flat();
    const tokens = [...tokenizer.encode("👩‍👩‍👧‍👦 € ab ".repeat(100)), ...invalid];
    const decode = vi.spyOn(LibraryTokenizer.prototype, "decode");
    try {
      const decoder = tokenizer.streamDecoder(prompt);
      for (const token of tokens) decoder.push(token);
      const sizes = decode.mock.calls.map(([ids]: [ids: unknown[], ...unknown[]]) => ids.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(16);
      expect(sizes.length).toBeLessThanOrEqual(1.5 * tokens.length);
    } finally {
      decode.mockRestore();
    }
  }
});

function byteToken(tokenizer: Tokenizer, byte: number): number {
  if (Object.hasOwn(tokenizer.files(), "tokenizer.bin") || tokenizer.vocabSize === 268) return byte + 3;
  return byte;
}
