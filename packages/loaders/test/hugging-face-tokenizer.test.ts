/** `tokenizer.json`: a byte-level BPE of our own making, as Llama 3 and Qwen have it. */
import { loadTokenizer, memorySource, requireMatchingTokenizer, type Tokenizer } from "@sst/loaders";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";

/** The character that stands for each byte in byte-level vocabularies: printable ones for themselves, others from 256. */
function byteCharacters(): string[] {
  let others = 256;
  const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : others++));
}

const end = 258;
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const content = {
  version: "1.0",
  added_tokens: [{ id: end, content: "<|end|>", special: true, normalized: false, lstrip: false, rstrip: false }],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: "BPE",
    vocab: Object.fromEntries([...byteCharacters(), "ab", "abc"].map((piece, id) => [piece, id])),
    merges: ["a b", "ab c"],
  },
};

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("tokenizer.json", () => {
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(content) }));
  });

  test("is refused beside a model that does not know all of its tokens", () => {
    for (const vocabSize of [259, 300]) requireMatchingTokenizer({ vocabSize }, tokenizer);
    expect(() => requireMatchingTokenizer({ vocabSize: 258 }, tokenizer)).toThrowError(
      expect.objectContaining({
        code: "contradiction",
        message: expect.stringMatching(
          /tokenizer has 259 tokens, but the model knows 258 \(vocab_size in config\.json\)/,
        ),
      }),
    );
  });

  test("merges as it says, and leaves special tokens out of the text", () => {
    expect(tokenizer.vocabSize).toBe(259);
    expect(tokenizer.encode("abcab")).toEqual([257, 256]);
    expect(tokenizer.encode("ab<|end|>")).toEqual([256, end]);
    expect(tokenizer.decode([257, end])).toBe("abc");
  });

  test("any text comes back, whole and as a stream", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const tokens = tokenizer.encode(text);
        expect(tokenizer.decode(tokens)).toBe(text);
        const decoder = tokenizer.streamDecoder([]);
        expect(tokens.map((token) => decoder.push(token)).join("") + decoder.end()).toBe(text);
      }),
    );
  });

  test("a stream gives out whole characters only, after a prompt that it does not repeat", () => {
    const prompt = tokenizer.encode("abc ");
    const decoder = tokenizer.streamDecoder(prompt);
    const pieces = tokenizer.encode("a€b").map((token) => decoder.push(token));
    expect(pieces).toEqual(["a", "", "", "€", "b"]);
  });

  test("a space before a comma stays, and a stream loses nothing to it", () => {
    const decoder = tokenizer.streamDecoder([]);
    const pieces = tokenizer.encode("a , b").map((token) => decoder.push(token));
    expect(pieces.join("") + decoder.end()).toBe("a , b");
  });

  test("is saved as it was, with its settings", async () => {
    const files = { "tokenizer.json": json(content), "tokenizer_config.json": json({ model_max_length: 64 }) };
    expect((await loadTokenizer(memorySource(files))).files()).toEqual(files);
  });

  test("what is damaged or unknown is refused by file", async () => {
    const cut = memorySource({ "tokenizer.json": json(content).slice(0, 100) });
    await expect(loadTokenizer(cut)).rejects.toThrowError(/tokenizer\.json is not valid JSON/);
    const unknown = memorySource({ "tokenizer.json": json({ ...content, model: { type: "Other" } }) });
    await expect(loadTokenizer(unknown)).rejects.toThrowError(expect.objectContaining({ code: "file-unsupported" }));
  });
});
