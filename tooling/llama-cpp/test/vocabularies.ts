/** Small tokenizers, trained on the spot, as the `tokenizer.json` of both kinds that llama.cpp knows. */
import { loadTokenizer, memorySource, type Tokenizer } from "@sst/loaders";

const trainingText = `The quick brown fox jumps over the lazy dog. It's what they've said: 12345 foxes, 678 dogs and 90 more!
    Four spaces, then some more          and tabs\t\twith\r\nline ends.\n\n\nWe'll see, WE'LL SEE, that we'd done it.
Größe, naïve façade, señor; Москва говорит спокойно; 日本語のテキスト、中文文本; مرحبا بالعالم; नमस्ते दुनिया; 👍🏽 and 👨‍👩‍👧 families 😀😀😀.
for (let i = 0; i < 10; i++) { console.log("i = " + i); } // code, with    runs of spaces\n    return [i, i + 1];\n`;

/** Merges the pair that occurs most often, again and again. @param words each a list of pieces */
function trainMerges(words: readonly (readonly string[])[], count: number): [string, string][] {
  const merges: [string, string][] = [];
  let current = words.map((word) => [...word]);
  while (merges.length < count) {
    const counts = new Map<string, number>();
    for (const word of current) {
      for (let at = 0; at + 1 < word.length; at++) {
        const pair = `${word[at]} ${word[at + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...counts].sort(([, one], [, other]) => other - one);
    if (best === undefined || best[1] < 2) return merges;
    const [left, right] = best[0].split(" ") as [string, string];
    merges.push([left, right]);
    current = current.map((word) => merged(word, left, right));
  }
  return merges;
}

function merged(word: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let at = 0; at < word.length; at++) {
    const isPair = word[at] === left && word[at + 1] === right;
    result.push(isPair ? left + right : (word[at] as string));
    if (isPair) at++;
  }
  return result;
}

/** Bytes as byte-level vocabularies write them: printable ones for themselves, others from 256. */
const byteCharacters = (() => {
  let others = 256;
  const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : others++));
})();

const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const split = (pattern: string) => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});
const byteLevel = (use_regex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});
const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });

/** As the models' own files have it. */
const preTokenizers: Readonly<Record<string, object>> = {
  "gpt-2": byteLevel(true),
  smollm: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)),
  "llama-bpe": sequence(split(`${contractions}|\\p{N}{1,3}|${rest}`), byteLevel(false)),
  qwen2: sequence(split(`${contractions}|\\p{N}|${rest}`), byteLevel(false)),
};

export const byteLevelNames = Object.keys(preTokenizers);

/** Of a kind by llama.cpp's name; Llama's begins texts with a token of its own. */
export function byteLevelTokenizer(name: string): Promise<Tokenizer> {
  const words = trainingText.match(new RegExp(gpt2, "gu")) ?? [];
  const bytes = (word: string) => Array.from(new TextEncoder().encode(word), (byte) => byteCharacters[byte] as string);
  const merges = trainMerges(words.map(bytes), 300);
  const tokens = [...new Set([...byteCharacters, ...merges.map((pair) => pair.join(""))])];
  const [start, turn, user] = [tokens.length, tokens.length + 1, tokens.length + 2];
  const isLlama = name === "llama-bpe";
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|begin_of_text|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
    special_tokens: { "<|begin_of_text|>": { id: "<|begin_of_text|>", ids: [start], tokens: ["<|begin_of_text|>"] } },
  };
  return fromJson({
    added_tokens: [
      { id: start, content: "<|begin_of_text|>", special: true },
      { id: turn, content: "<|turn|>", special: true },
      { id: user, content: "<tool>", special: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: preTokenizers[name],
    post_processor: isLlama ? template : byteLevel(true),
    decoder: byteLevel(true),
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(" ")),
      ignore_merges: isLlama,
    },
  });
}

/** Characters with bytes for what is missing; with or without a space before the text (Llama 2, Gemma). */
export function sentencePieceTokenizer({ spaceFirst }: { readonly spaceFirst: boolean }): Promise<Tokenizer> {
  const words = trainingText.replaceAll(" ", "\u2581").match(/\u2581*[^\u2581\n]+|\u2581+|\n+/g) ?? [];
  const trained = trainMerges(
    words.map((word) => Array.from(word)),
    300,
  );
  // Some of what was not in the text: bytes have to stand for it.
  const letters = [...new Set(Array.from(trainingText.replaceAll(" ", "\u2581")))].filter((letter) => letter !== "é");
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const pieces = [...new Set([...letters, ...trained.map((pair) => pair.join(""))])];
  const tokens = ["<unk>", "<s>", "</s>", "<turn>", "<b>", ...bytes, ...pieces];
  const known = new Set(tokens);
  // Of every piece all pairs that make it, as Hugging Face converts such vocabularies.
  const merges = [...new Set(trained.map((pair) => pair.join("")))].flatMap((piece) => {
    const characters = Array.from(piece);
    const pairs = characters.slice(1).map((_, cut) => [characters.slice(0, cut + 1), characters.slice(cut + 1)]);
    return pairs
      .map((pair) => pair.map((part) => part.join("")))
      .filter((pair) => pair.every((part) => known.has(part)));
  });
  const special = (id: number) => ({ id, content: tokens[id], special: id < 4, normalized: false });
  const toMarks = { type: "Replace", pattern: { String: " " }, content: "\u2581" };
  return fromJson({
    added_tokens: [0, 1, 2, 3, 4].map(special),
    normalizer: spaceFirst
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "\u2581" }, toMarks] }
      : toMarks,
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "\u2581" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  });
}

function fromJson(json: object): Promise<Tokenizer> {
  return loadTokenizer(memorySource({ "tokenizer.json": new TextEncoder().encode(JSON.stringify(json)) }));
}
