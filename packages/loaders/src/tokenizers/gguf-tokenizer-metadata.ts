/** A tokenizer as the metadata of a GGUF file, so that llama.cpp makes the same tokens. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";
import type { TypedMetadata } from "../formats/gguf/write-config.js";
import { patternsOf, preTokenizerName } from "./gguf-pre-tokenizers.js";
import { mergesOf, SPACE } from "./gguf-tokenizer-json.js";
import {
  type ByteLevelVocabulary,
  type GgufVocabulary,
  type SentencePieceVocabulary,
  tokenTypes,
  vocabularyMetadata,
} from "./gguf-vocabulary.js";
import { Llama2cTokenizer } from "./llama2c-tokenizer.js";
import { SentencePieceTokenizer } from "./sentence-piece-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

const id = v.pipe(v.number(), v.integer(), v.minValue(0));
const part = v.nullish(v.looseObject({ type: v.string() }));
const tokenizerSchema = v.looseObject({
  added_tokens: v.optional(
    v.array(v.looseObject({ id, content: v.string(), special: v.optional(v.boolean(), false) })),
    [],
  ),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  model: v.looseObject({
    type: v.optional(v.string()),
    vocab: v.record(v.string(), id),
    merges: v.optional(v.array(v.union([v.string(), v.tuple([v.string(), v.string()])])), []),
    unk_token: v.nullish(v.string()),
    byte_fallback: v.optional(v.boolean(), false),
    ignore_merges: v.optional(v.boolean(), false),
  }),
});
type TokenizerJson = v.InferOutput<typeof tokenizerSchema>;

const tokenText = v.nullish(v.union([v.string(), v.looseObject({ content: v.string() })]));
const configSchema = v.looseObject({
  bos_token: tokenText,
  eos_token: tokenText,
  add_bos_token: v.nullish(v.boolean()),
  add_eos_token: v.nullish(v.boolean()),
  chat_template: v.nullish(v.unknown()),
});
type TokenizerConfig = v.InferOutput<typeof configSchema>;

/**
 * @param size of the model's embedding
 * @throws SstError `file-unsupported` for a tokenizer that llama.cpp has no kind for, saying what it is in the way
 */
export function tokenizerMetadata(tokenizer: Tokenizer, size: number): TypedMetadata {
  const vocabulary = vocabularyOf(tokenizer);
  const count = vocabulary.tokens.length;
  if (count <= size) return vocabularyMetadata(vocabulary, size);
  throw new SstError(
    "file-unsupported",
    `the tokenizer has ${count} tokens, but the model only ${size}: is it this model's?`,
  );
}

function vocabularyOf(tokenizer: Tokenizer): GgufVocabulary {
  if (tokenizer instanceof SentencePieceTokenizer) return tokenizer.vocabulary;
  if (tokenizer instanceof Llama2cTokenizer) return vocabularyOfLlama2c(tokenizer);
  const files = tokenizer.files();
  const json = files["tokenizer.json"];
  if (json === undefined) throw refused("it is no tokenizer.json");
  const config = files["tokenizer_config.json"];
  return vocabularyOfJson(
    parseJson(json, tokenizerSchema, "tokenizer.json"),
    config ? parseJson(config, configSchema, "tokenizer_config.json") : {},
  );
}

function vocabularyOfLlama2c({ pieces, scores }: Llama2cTokenizer): SentencePieceVocabulary {
  const utf8 = new TextDecoder();
  const special = ["<unk>", "<s>", "</s>"];
  const tokens = pieces.map((piece, index) => special[index] ?? utf8.decode(piece).replaceAll(" ", SPACE));
  const types = tokens.map((token, index) => {
    if (index === 0) return tokenTypes.unknown;
    if (index < 3) return tokenTypes.control;
    return isByte(token) ? tokenTypes.byte : tokenTypes.normal;
  });
  const common = { tokens, types, scores: [...scores], bos: 1, eos: 2, unknown: 0 };
  return { kind: "sentence-piece", ...common, addBos: true, addEos: false, addSpacePrefix: true };
}

function vocabularyOfJson(json: TokenizerJson, config: TokenizerConfig): GgufVocabulary {
  const { model } = json;
  if ((model.type ?? "BPE") !== "BPE") throw refused(`its model is "${model.type}", not "BPE"`);
  const tokens = tokensOf(json);
  const idOf = (text: string | undefined) => {
    const found = text === undefined ? -1 : tokens.indexOf(text);
    return found < 0 ? undefined : found;
  };
  const { before, after } = templateOf(json.post_processor);
  const common = {
    tokens,
    types: typesOf(tokens, json),
    bos: idOf(before ?? contentOf(config.bos_token)),
    eos: idOf(after ?? contentOf(config.eos_token)),
    unknown: idOf(model.unk_token ?? undefined),
    addBos: before !== undefined || (json.post_processor == null && config.add_bos_token === true),
    addEos: after !== undefined || (json.post_processor == null && config.add_eos_token === true),
    ...(typeof config.chat_template === "string" && { chatTemplate: config.chat_template }),
  };
  return model.byte_fallback ? sentencePiece(json, common) : byteLevel(json, common);
}

type Common = Omit<SentencePieceVocabulary, "kind" | "scores" | "addSpacePrefix">;

function byteLevel({ model, normalizer, pre_tokenizer }: TokenizerJson, common: Common): ByteLevelVocabulary {
  // llama.cpp does not normalise, and goes without NFC as it does for all that its own converter writes.
  if (normalizer != null && normalizer.type !== "NFC") throw refused(`its normalizer is "${normalizer.type}"`);
  const patterns = patternsOf(pre_tokenizer);
  const preTokenizer = patterns && preTokenizerName(patterns, model.ignore_merges);
  if (preTokenizer === undefined) throw refused("llama.cpp has no name for its pre_tokenizer with its ignore_merges");
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  return { kind: "byte-level", ...common, merges, preTokenizer };
}

/** Scores say what the merges' order said: the first merge that makes a token is the token's score. */
function sentencePiece(json: TokenizerJson, common: Common): SentencePieceVocabulary {
  const merges = json.model.merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
  const scoreOf = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const token = merge.join("");
    if (!scoreOf.has(token)) scoreOf.set(token, -rank);
  }
  const scores = common.tokens.map((token) => scoreOf.get(token) ?? -merges.length);
  const vocabulary = { kind: "sentence-piece", ...common, scores, addSpacePrefix: addsSpacePrefix(json) } as const;
  requireSameMerges(
    vocabulary,
    merges.map((merge) => merge.join(" ")),
    json.model.vocab,
  );
  return vocabulary;
}

/** SentencePiece merges every pair that makes a token: a list that leaves some out, or orders them otherwise, is something else. */
function requireSameMerges(
  vocabulary: SentencePieceVocabulary,
  merges: readonly string[],
  vocab: Readonly<Record<string, number>>,
): void {
  const implied = mergesOf(vocabulary, vocab);
  const known = new Set(merges);
  const missing = implied.find((pair) => !known.has(pair.join(" ")));
  if (missing) throw refused(`its merges lack "${missing.join(" ")}", which SentencePiece would merge`);
  const score = new Map(vocabulary.tokens.map((token, index) => [token, vocabulary.scores[index] as number]));
  let last = Number.POSITIVE_INFINITY;
  for (const merge of merges) {
    const current = score.get(merge.replace(" ", "")) ?? Number.NaN;
    if (!(current <= last)) throw refused(`its merge "${merge}" comes later than SentencePiece would do it`);
    last = current;
  }
}

/** Whether text begins with a space: as normalizers say it, or as a pre-tokenizer. */
function addsSpacePrefix({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const steps = normalizer?.type === "Sequence" ? (normalizer.normalizers as { type: string }[]) : [normalizer];
  const given = [...steps, pre_tokenizer].filter((step) => step != null) as Record<string, unknown>[];
  for (const step of given) {
    const isKnown =
      (step.type === "Prepend" && step.prepend === SPACE) ||
      (step.type === "Replace" && (step.pattern as { String?: string }).String === " " && step.content === SPACE) ||
      (step.type === "Metaspace" && step.prepend_scheme !== "first") ||
      // Gemma's: nothing is left to split once spaces are replaced.
      (step.type === "Split" && (step.pattern as { String?: string }).String === " ");
    if (!isKnown) throw refused(`llama.cpp has nothing like its "${step.type}"`);
  }
  return given.some(
    ({ type, prepend_scheme }) => type === "Prepend" || (type === "Metaspace" && prepend_scheme !== "never"),
  );
}

/** By number; numbers that nothing has are named and unused. */
function tokensOf({ model, added_tokens }: TokenizerJson): string[] {
  const entries = [
    ...Object.entries(model.vocab),
    ...added_tokens.map((token): [string, number] => [token.content, token.id]),
  ];
  const count = entries.reduce((most, [, number]) => Math.max(most, number + 1), 0);
  // Numbers far apart are a mistake, and would take memory.
  if (count > 2 * entries.length + 1024) throw refused(`its ${entries.length} tokens have numbers up to ${count - 1}`);
  const tokens = Array.from({ length: count }, (_, number) => `[PAD${number}]`);
  for (const [token, number] of entries) tokens[number] = token;
  return tokens;
}

function typesOf(tokens: readonly string[], { model, added_tokens }: TokenizerJson): number[] {
  const added = new Map(added_tokens.map((token) => [token.id, token]));
  return tokens.map((token, number) => {
    if (token === model.unk_token) return tokenTypes.unknown;
    const found = added.get(number);
    if (found !== undefined) return found.special ? tokenTypes.control : tokenTypes.userDefined;
    if (model.byte_fallback && isByte(token)) return tokenTypes.byte;
    return model.vocab[token] === number ? tokenTypes.normal : tokenTypes.unused;
  });
}

function isByte(token: string): boolean {
  return /^<0x[0-9A-F]{2}>$/.test(token);
}

interface Template {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

/** The special tokens that a text is put between. */
function templateOf(processor: TokenizerJson["post_processor"]): Template {
  if (processor == null || processor.type === "ByteLevel") return {};
  if (processor.type === "Sequence") {
    const templates = (processor.processors as TokenizerJson["post_processor"][]).map(templateOf);
    return Object.assign({}, ...templates);
  }
  if (processor.type !== "TemplateProcessing") throw refused(`its post_processor is "${processor.type}"`);
  const items = processor.single as { SpecialToken?: { id: string } }[];
  const text = items.findIndex((item) => item.SpecialToken === undefined);
  if (text > 1 || items.length - text > 2) throw refused("it puts several special tokens before or behind a text");
  return { before: items[text - 1]?.SpecialToken?.id, after: items[text + 1]?.SpecialToken?.id };
}

function contentOf(token: TokenizerConfig["bos_token"]): string | undefined {
  return typeof token === "string" ? token : token?.content;
}

function refused(reason: string): SstError {
  return new SstError(
    "file-unsupported",
    `the tokenizer cannot be written into a GGUF file: ${reason}. Write the model without it, or as safetensors`,
  );
}
