/** A GGUF file's vocabulary as the `tokenizer.json` that says the same. */

import { preTokenizerJson, preTokenizerNamed } from "./gguf-pre-tokenizers.js";
import { type GgufVocabulary, type SentencePieceVocabulary, tokenTypes } from "./gguf-vocabulary.js";

/** What stands for a space in SentencePiece's tokens. */
export const SPACE = "\u2581";

export function tokenizerJson(vocabulary: GgufVocabulary, fileName: string): object {
  const { tokens, types } = vocabulary;
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const added = [...tokens.entries()].filter(([id]) => isAdded(types[id]));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map(([id, content]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] === tokenTypes.control,
    })),
    post_processor: postProcessor(vocabulary),
    ...(vocabulary.kind === "byte-level"
      ? byteLevelParts(vocabulary.preTokenizer, vocab, vocabulary.merges, fileName)
      : sentencePieceParts(vocabulary, vocab)),
  };
}

/** `tokenizer_config.json`, with what has no place in the other. */
export function tokenizerConfigJson({ tokens, bos, eos, chatTemplate }: GgufVocabulary): object {
  return {
    ...(bos !== undefined && { bos_token: tokens[bos] }),
    ...(eos !== undefined && { eos_token: tokens[eos] }),
    ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
  };
}

function isAdded(type: number | undefined): boolean {
  return type === tokenTypes.control || type === tokenTypes.userDefined;
}

function byteLevelParts(pre: string, vocab: object, merges: readonly string[], fileName: string): object {
  const preTokenizer = preTokenizerNamed(pre, fileName);
  return {
    normalizer: null,
    pre_tokenizer: preTokenizerJson(preTokenizer),
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: { type: "BPE", vocab, merges, ignore_merges: preTokenizer.ignoreMerges, byte_fallback: false },
  };
}

function sentencePieceParts(vocabulary: SentencePieceVocabulary, vocab: Readonly<Record<string, number>>): object {
  const { addSpacePrefix, tokens, unknown } = vocabulary;
  const toSpaces = { type: "Replace", pattern: { String: SPACE }, content: " " };
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(addSpacePrefix ? [{ type: "Prepend", prepend: SPACE }] : []),
        { type: "Replace", pattern: { String: " " }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        toSpaces,
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addSpacePrefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      unk_token: unknown === undefined ? null : tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesOf(vocabulary, vocab),
    },
  };
}

/** SentencePiece merges whatever two tokens make a third, best score first; here every such pair is listed, in that order. */
export function mergesOf(
  { tokens, types, scores }: Pick<SentencePieceVocabulary, "tokens" | "types" | "scores">,
  vocab: Readonly<Record<string, number>>,
): [string, string][] {
  const merges = tokens.flatMap((token, id) => {
    if (types[id] !== tokenTypes.normal && types[id] !== tokenTypes.userDefined) return [];
    const characters = Array.from(token);
    const pairs = characters
      .slice(1)
      .map((_, cut): [string, string] => [characters.slice(0, cut + 1).join(""), characters.slice(cut + 1).join("")]);
    const known = pairs.filter((pair) => pair.every((part) => Object.hasOwn(vocab, part)));
    return known.map((pair) => ({ pair, score: scores[id] as number }));
  });
  // The sort is stable: of equal scores, the token with the lower number comes first.
  return merges.sort((one, other) => other.score - one.score).map(({ pair }) => pair);
}

function postProcessor({ tokens, bos, eos, addBos, addEos }: GgufVocabulary): object | null {
  const before = addBos && bos !== undefined ? [bos] : [];
  const after = addEos && eos !== undefined ? [eos] : [];
  const used = [...before, ...after];
  if (used.length === 0) return null;
  const special = (id: number) => ({ SpecialToken: { id: tokens[id], type_id: 0 } });
  const sequence = (name: string) => ({ Sequence: { id: name, type_id: 0 } });
  const whole = (name: string) => [...before.map(special), sequence(name), ...after.map(special)];
  return {
    type: "TemplateProcessing",
    single: whole("A"),
    pair: [...whole("A"), ...whole("B")],
    special_tokens: Object.fromEntries(
      used.map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}
