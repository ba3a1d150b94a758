/** A tokenizer and a model that disagree on the vocabulary. */
import { smallDecoder } from "@sst/layers";
import { loadTokenizer, memorySource, requireMatchingTokenizer } from "@sst/loaders";
import { expect, test } from "vitest";
import { byteLevelTokenizer, json } from "./tokenizer-files.js";

const config = (vocabSize: number) => smallDecoder({ hiddenSize: 8, numHiddenLayers: 1, vocabSize });

test("a model with a row for every token, or more of them, is fine", async () => {
  const tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(byteLevelTokenizer()) }));
  for (const rows of [259, 320]) expect(requireMatchingTokenizer(tokenizer, config(rows), "here")).toBe(tokenizer);
});

test("one with fewer is refused, with both numbers and files", async () => {
  const tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(byteLevelTokenizer()) }));
  expect(() => requireMatchingTokenizer(tokenizer, config(258), "models/x")).toThrowError(
    expect.objectContaining({
      code: "unknown-token",
      message: expect.stringMatching(/^models\/x: .*tokenizer\.json\) gives 259 tokens.* \(its vocab_size\) knows 258/),
    }),
  );
});
