/** Tokenizers written into GGUF files: llama.cpp makes the same tokens of a text as we do, from its file and from ours. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Llama2cTokenizer, loadTokenizer, saveGguf, type Tokenizer } from "@sst/loaders";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engineMissing, loadInLlamaCpp } from "./engine.js";
import { randomModel } from "./random-model.js";
import { byteLevelNames, byteLevelTokenizer, sentencePieceTokenizer } from "./vocabularies.js";

const texts = [
  "",
  " ",
  "The quick brown fox",
  " leading and trailing ",
  "   three spaces,    four,     five and      six      ",
  "tabs\t\tand\nlines\r\n\r\n  mixed \n with spaces\n",
  "It's they've WE'LL i'd 'tis rock'n'roll ''s",
  "1 12 123 1234 12345678901234567890 3.14159 -1e10 ½ ² ٣٤٥ १२३",
  "Größe naïve façade señor Ångström é",
  "Москва говорит; 日本語のテキスト。中文文本，한국어; مرحبا بالعالم; नमस्ते दुनिया; שלום",
  "😀 👍🏽 👨‍👩‍👧 🏳️‍🌈 🇩🇪 zero\u200bwidth \ufeffmark",
  "for (let i = 0; i < 10; i++) { x[i] += `$i`; }\n\t\t// comment\n",
  "<|turn|>user<|begin_of_text|> hello<tool>x</tool> <turn>y<b>z</b><s> </s>",
  "aaaaaaaaaaaaaaa bbbb!!!!???...---___***",
  "\u00a0no-break\u3000wide\u2028line\u2029paragraph\u0085next",
  "a\u0301 decomposed \u1100\u1161\u11a8",
];

/** Anything from all of Unicode, with what tokenizers are picky about more often. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(" ", "  ", "\n", "'s", "12", "the", "é", "日本", "<b>", "😀"),
    ),
  )
  .map((parts) => parts.join(""));

describeWhere(engineMissing === "", engineMissing, "llama.cpp's tokens and ours", () => {
  for (const name of byteLevelNames) {
    // The library's "Digits" are those of ASCII; what we make of the GGUF file takes all numbers, as llama.cpp does.
    const libraryExcept = name === "smollm" ? /(?![0-9])\p{N}/u : undefined;
    describe(`byte-level, ${name}`, () => agree(() => byteLevelTokenizer(name), { libraryExcept }));
  }
  describe("SentencePiece, with a space first", () => agree(() => sentencePieceTokenizer({ spaceFirst: true })));
  describe("SentencePiece, without", () => agree(() => sentencePieceTokenizer({ spaceFirst: false })));
  const data = sharedData();
  describeWhere(data, "SST_DATA_DIR should name the folder of real data", "llama2.c's 512 tokens", () =>
    agree(async () => new Llama2cTokenizer(readFileSync(join(data as string, "stories260K", "tok512.bin"))), {
      // It finds no special tokens in a text, and tells the mark that stands for a space from a space.
      libraryExcept: /<\/?s>|\u2581/,
    }),
  );
});

interface AgreeOptions {
  /** Texts of which the tokenizer that was written makes other tokens than the one that is read back. */
  readonly libraryExcept?: RegExp | undefined;
}

function agree(make: () => Promise<Tokenizer>, { libraryExcept = /(?!)/ }: AgreeOptions = {}): void {
  test("are the same for varied texts", async () => {
    await using written = await writtenTokenizer(await make(), libraryExcept);
    for (const text of texts) written.check(text);
  });

  test("are the same for any text", async () => {
    await using written = await writtenTokenizer(await make(), libraryExcept);
    fc.assert(
      fc.property(anyText, (text) => written.check(text)),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("become the same text again", async () => {
    await using written = await writtenTokenizer(await make(), libraryExcept);
    for (const text of texts.filter((each) => !/<.*>/.test(each))) {
      expect(written.fromGguf.decode(written.fromGguf.encode(text))).toBe(text);
    }
  });
}

async function writtenTokenizer(tokenizer: Tokenizer, libraryExcept: RegExp) {
  const folder = await mkdtemp(join(tmpdir(), "sst-tokenizer-"));
  const config = {
    modelType: "llama",
    vocabSize: tokenizer.vocabSize + 3,
    hiddenSize: 32,
    intermediateSize: 32,
    numHiddenLayers: 1,
    numAttentionHeads: 1,
    numKeyValueHeads: 1,
    headDim: 32,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 64,
  } as const;
  await saveGguf(folder, randomModel(config, "tokenizer"), { tokenizer, overwrite: true });
  const fromGguf = await loadTokenizer(folder);
  const model = await loadInLlamaCpp(join(folder, "model.gguf"));
  return {
    fromGguf,
    check: (text: string) => {
      const { bos, shouldPrependBosToken } = model.tokens;
      const start = shouldPrependBosToken && bos !== null ? [bos] : [];
      const expected = [...start, ...model.tokenize(text, true)].map(Number);
      expect(fromGguf.encode(text), JSON.stringify(text)).toEqual(expected);
      if (!libraryExcept.test(text)) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(expected);
    },
    [Symbol.asyncDispose]: async () => {
      await model.dispose();
      await rm(folder, { recursive: true });
    },
  };
}
