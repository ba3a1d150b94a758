/** Tokenizers of our own making in the two published forms of `tokenizer.json`: byte-level, and with bytes to fall back on. */

export const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The character that stands for each byte in byte-level vocabularies: printable ones for themselves, others from 256. */
export function byteCharacters(): string[] {
  let others = 256;
  const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : others++));
}

const added = (content: string, id: number) => ({
  id,
  content,
  special: true,
  normalized: false,
  lstrip: false,
  rstrip: false,
});

/** What puts a start token before a text. */
const startingWith = (name: string, id: number) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: { [name]: { id: name, ids: [id], tokens: [name] } },
});

export interface ByteLevelOptions {
  readonly special?: readonly string[];
  /** One of the special ones. */
  readonly start?: string;
}

/** As Llama 3 and Qwen have it: bytes, then "ab" and "abc" (256, 257), then the special tokens. */
export function byteLevelTokenizer({ special = ["<|end|>"], start }: ByteLevelOptions = {}): object {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    added_tokens: special.map((name, index) => added(name, 258 + index)),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: start === undefined ? null : startingWith(start, 258 + special.indexOf(start)),
    decoder: byteLevel,
    model: {
      type: "BPE",
      vocab: Object.fromEntries([...byteCharacters(), "ab", "abc"].map((piece, id) => [piece, id])),
      merges: ["a b", "ab c"],
    },
  };
}

/** As Llama 2, Mistral and Gemma have it: three special tokens, bytes, and pieces whose spaces are "▁". */
export function byteFallbackTokenizer(special: readonly string[] = []): object {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const pieces = [
    ...["<unk>", "<s>", "</s>"],
    ...Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`),
    ...["▁", "a", "b", "é", "👩", "ab", "▁a", "▁ab", "▁▁"],
  ];
  return {
    version: "1.0",
    added_tokens: [
      ...["<unk>", "<s>", "</s>"].map(added),
      ...special.map((name, index) => added(name, pieces.length + index)),
    ],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: startingWith("<s>", 1),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      byte_fallback: true,
      unk_token: "<unk>",
      fuse_unk: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: ["a b", "▁ a", "▁ ab", "▁ ▁"],
    },
  };
}
