/** The vocabulary in a GGUF file's metadata, below `tokenizer.ggml.`. */
import { corrupt, unsupported } from "../formats/gguf/errors.js";
import type { Metadata } from "../formats/gguf/metadata.js";
import { valueTypes } from "../formats/gguf/value-types.js";
import { flag, list, type TypedMetadata, text, whole } from "../formats/gguf/write-config.js";
import { preTokenizerNamed } from "./gguf-pre-tokenizers.js";

/** llama.cpp's numbers of kinds of tokens. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

interface Common {
  /** By number: in characters of bytes for byte-level vocabularies, with "▁" for a space in SentencePiece's. */
  readonly tokens: readonly string[];
  /** One of `tokenTypes` each. */
  readonly types: readonly number[];
  readonly bos?: number | undefined;
  readonly eos?: number | undefined;
  readonly unknown?: number | undefined;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly chatTemplate?: string | undefined;
}

/** Byte-level pairs (`gpt2` in GGUF). */
export interface ByteLevelVocabulary extends Common {
  readonly kind: "byte-level";
  readonly merges: readonly string[];
  /** How text is cut before pairs are merged, by llama.cpp's name. */
  readonly preTokenizer: string;
}

/** SentencePiece's pairs with scores (`llama` in GGUF). */
export interface SentencePieceVocabulary extends Common {
  readonly kind: "sentence-piece";
  readonly scores: readonly number[];
  readonly addSpacePrefix: boolean;
}

export type GgufVocabulary = ByteLevelVocabulary | SentencePieceVocabulary;

/**
 * @returns undefined for a file without a tokenizer
 * @throws SstError `file-corrupt`, `file-unsupported` naming the kind of tokenizer
 */
export function readVocabulary(whole: Metadata): GgufVocabulary | undefined {
  const { fileName } = whole;
  const metadata = whole.below("tokenizer.ggml.");
  const model = metadata.text("model");
  if (model === undefined || model === "no_vocab") return undefined;
  if (model !== "gpt2" && model !== "llama") {
    throw unsupported(fileName, `its tokenizer is of the kind "${model}"; supported are "gpt2" and "llama"`);
  }
  const tokens = metadata.required("texts", "tokens");
  const types = metadata.wholes("token_type") ?? tokens.map(() => tokenTypes.normal);
  requireLength("token_type", types, tokens, fileName);
  const id = (name: string) => knownToken(metadata, name, tokens);
  const common = { tokens, types, eos: id("eos"), chatTemplate: whole.text("tokenizer.chat_template") };
  const addEos = metadata.flag("add_eos_token") ?? false;
  if (model === "gpt2") {
    const preTokenizer = metadata.text("pre") ?? "default";
    const { addsBos } = preTokenizerNamed(preTokenizer, fileName);
    const addBos = metadata.flag("add_bos_token") ?? addsBos;
    const merges = metadata.required("texts", "merges");
    return {
      kind: "byte-level",
      ...common,
      bos: id("bos"),
      unknown: id("unknown"),
      addBos,
      addEos,
      merges,
      preTokenizer,
    };
  }
  const scores = metadata.reals("scores") ?? tokens.map(() => 0);
  requireLength("scores", scores, tokens, fileName);
  return {
    kind: "sentence-piece",
    ...common,
    bos: id("bos") ?? 1,
    unknown: id("unknown") ?? 0,
    addBos: metadata.flag("add_bos_token") ?? true,
    addEos,
    scores,
    addSpacePrefix: metadata.flag("add_space_prefix") ?? true,
  };
}

/** @param size of the embedding: where it has more rows than there are tokens, these are named and unused */
export function vocabularyMetadata(vocabulary: GgufVocabulary, size: number): TypedMetadata {
  const missing = Array.from(
    { length: size - vocabulary.tokens.length },
    (_, index) => vocabulary.tokens.length + index,
  );
  const tokens = [...vocabulary.tokens, ...missing.map((token) => `[PAD${token}]`)];
  const types = [...vocabulary.types, ...missing.map(() => tokenTypes.unused)];
  const isByteLevel = vocabulary.kind === "byte-level";
  const { bos, eos, unknown, addBos, addEos, chatTemplate } = vocabulary;
  const entries: TypedMetadata = {
    model: text(isByteLevel ? "gpt2" : "llama"),
    tokens: list(tokens, valueTypes.text),
    token_type: list(types, valueTypes.int32),
    ...(isByteLevel
      ? { pre: text(vocabulary.preTokenizer), merges: list([...vocabulary.merges], valueTypes.text) }
      : {
          pre: text("default"),
          scores: list([...vocabulary.scores, ...missing.map(() => 0)], valueTypes.float32),
          add_space_prefix: flag(vocabulary.addSpacePrefix),
        }),
    ...(bos !== undefined && { bos_token_id: whole(bos) }),
    ...(eos !== undefined && { eos_token_id: whole(eos) }),
    ...(unknown !== undefined && { unknown_token_id: whole(unknown) }),
    add_bos_token: flag(addBos),
    add_eos_token: flag(addEos),
  };
  const named = Object.entries(entries).map(([key, entry]) => [`tokenizer.ggml.${key}`, entry]);
  return {
    ...Object.fromEntries(named),
    ...(chatTemplate !== undefined && { "tokenizer.chat_template": text(chatTemplate) }),
  };
}

function requireLength(key: string, values: readonly unknown[], tokens: readonly string[], fileName: string): void {
  if (values.length === tokens.length) return;
  throw corrupt(fileName, `"tokenizer.ggml.${key}" has ${values.length} entries for ${tokens.length} tokens`);
}

function knownToken(metadata: Metadata, name: string, tokens: readonly string[]): number | undefined {
  const id = metadata.whole(`${name}_token_id`);
  if (id === undefined || id < tokens.length) return id;
  throw corrupt(metadata.fileName, `"tokenizer.ggml.${name}_token_id" is ${id}, but there are ${tokens.length} tokens`);
}
