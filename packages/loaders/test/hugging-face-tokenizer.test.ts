/** `tokenizer.json`: a byte-level BPE of our own making, as Llama 3 and Qwen have it. */
import { loadTokenizer, memorySource, type Tokenizer } from "@sst/loaders";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { byteFallbackTokenizer, byteLevelTokenizer, json } from "./tokenizer-files.js";

const content = byteLevelTokenizer();
const end = 258;

describe("tokenizer.json", () => {
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(content) }));
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

  test("a token that it does not have is refused, decoded at once or in a stream", () => {
    const unknown = expect.objectContaining({ code: "unknown-token", message: expect.stringMatching(/no token 259/) });
    expect(() => tokenizer.decode([97, 259])).toThrowError(unknown);
    expect(() => tokenizer.streamDecoder([]).push(259)).toThrowError(unknown);
  });

  test("numbers that are left out count: a model has to have rows for the highest", async () => {
    const added_tokens = [{ id: 300, content: "<|end|>", special: true }];
    const sparse = await loadTokenizer(memorySource({ "tokenizer.json": json({ ...content, added_tokens }) }));
    expect(sparse.vocabSize).toBe(301);
    expect(() => sparse.decode([280])).toThrowError(expect.objectContaining({ code: "unknown-token" }));
  });

  test("the end token is what its settings name, as a name or as an object", async () => {
    const endOf = async (config: object) => {
      const files = { "tokenizer.json": json(content), "tokenizer_config.json": json(config) };
      return (await loadTokenizer(memorySource(files))).endToken;
    };
    expect(await endOf({ eos_token: "<|end|>" })).toBe(end);
    expect(await endOf({ eos_token: { content: "<|end|>", lstrip: false } })).toBe(end);
    expect([await endOf({ eos_token: null }), await endOf({})]).toEqual([undefined, undefined]);
    await expect(endOf({ eos_token: 7 })).rejects.toThrowError(/tokenizer_config\.json: field "eos_token"/);
  });

  test("without special tokens nothing is put before a text, and names in it still become tokens", async () => {
    const starting = byteLevelTokenizer({ special: ["<|begin|>", "<|end|>"], start: "<|begin|>" });
    for (const [file, start] of [
      [starting, 258],
      [byteFallbackTokenizer(), 1],
    ] as const) {
      const some = await loadTokenizer(memorySource({ "tokenizer.json": json(file) }));
      const bare = some.encode("ab", { addSpecialTokens: false });
      expect(some.encode("ab")).toEqual([start, ...bare]);
      const name = start === 1 ? "<s>" : "<|begin|>";
      expect(some.encode(`${name}ab`, { addSpecialTokens: false })).toEqual([start, ...bare]);
    }
  });

  test("is saved as it was, with its settings", async () => {
    const files = { "tokenizer.json": json(content), "tokenizer_config.json": json({ model_max_length: 64 }) };
    const beside = {
      "chat_template.jinja": new TextEncoder().encode("{{ messages }}"),
      "special_tokens_map.json": json({}),
    };
    expect((await loadTokenizer(memorySource({ ...files, ...beside }))).files()).toEqual({ ...files, ...beside });
    expect((await loadTokenizer(memorySource(files))).files()).toEqual(files);
  });

  test("what is damaged or unknown is refused by file", async () => {
    const cut = memorySource({ "tokenizer.json": json(content).slice(0, 100) });
    await expect(loadTokenizer(cut)).rejects.toThrowError(/tokenizer\.json is not valid JSON/);
    const unknown = memorySource({ "tokenizer.json": json({ ...content, model: { type: "Other" } }) });
    await expect(loadTokenizer(unknown)).rejects.toThrowError(expect.objectContaining({ code: "file-unsupported" }));
  });
});
