/** How byte-level tokenizers cut text before they merge pairs: llama.cpp's names for it, with the patterns of `tokenizer.json`. */
import { unsupported } from "../formats/gguf/errors.js";

export interface PreTokenizer {
  /** Every one cuts what the one before it left. */
  readonly patterns: readonly string[];
  /** Whether a piece that is a token is that token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with a start token where the file does not say. */
  readonly addsBos: boolean;
}

const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** With so many digits at a time. */
const llama3 = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|` +
  "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  "gpt-2": { patterns: [gpt2], ignoreMerges: false, addsBos: false },
  smollm: { patterns: ["\\p{N}", gpt2], ignoreMerges: false, addsBos: false },
  "llama-bpe": { patterns: [llama3("{1,3}")], ignoreMerges: true, addsBos: true },
  qwen2: { patterns: [llama3("")], ignoreMerges: false, addsBos: false },
};

const aliases: Readonly<Record<string, string>> = { llama3: "llama-bpe", "llama-v3": "llama-bpe" };

/** @throws SstError `file-unsupported` for one that we do not have */
export function preTokenizerNamed(name: string, fileName: string): PreTokenizer {
  const found = preTokenizers[aliases[name] ?? name];
  if (found !== undefined) return found;
  throw unsupported(
    fileName,
    `"tokenizer.ggml.pre" is "${name}"; supported are ${Object.keys(preTokenizers).join(", ")}: put the model's ` +
      "tokenizer.json beside it",
  );
}

/** llama.cpp's name, undefined where it has none for this. */
export function preTokenizerName(patterns: readonly string[], ignoreMerges: boolean): string | undefined {
  const isIt = (each: PreTokenizer) =>
    each.ignoreMerges === ignoreMerges && each.patterns.join("\n") === patterns.join("\n");
  return Object.entries(preTokenizers).find(([, each]) => isIt(each))?.[0];
}

/** As it stands in `tokenizer.json`: every pattern cuts out what it matches, then bytes become characters. */
export function preTokenizerJson({ patterns }: PreTokenizer): object {
  const cuts = patterns.map((pattern) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  }));
  const toBytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  return { type: "Sequence", pretokenizers: [...cuts, toBytes] };
}

interface PreTokenizerJson {
  readonly type?: unknown;
  readonly pretokenizers?: unknown;
  readonly pattern?: { readonly Regex?: unknown };
  readonly behavior?: unknown;
  readonly invert?: unknown;
  readonly individual_digits?: unknown;
  readonly add_prefix_space?: unknown;
  readonly use_regex?: unknown;
}

/** The patterns of a `pre_tokenizer`; undefined for one that does something else. */
export function patternsOf(json: unknown): string[] | undefined {
  const each = (json ?? {}) as PreTokenizerJson;
  if (each.type === "Sequence" && Array.isArray(each.pretokenizers)) {
    const parts = each.pretokenizers.map(patternsOf);
    return parts.includes(undefined) ? undefined : (parts.flat() as string[]);
  }
  if (each.type === "Digits" && each.individual_digits === true) return ["\\p{N}"];
  if (each.type === "ByteLevel" && each.add_prefix_space !== true) return each.use_regex === false ? [] : [gpt2];
  const isSplit = each.type === "Split" && each.behavior === "Isolated" && each.invert !== true;
  return isSplit && typeof each.pattern?.Regex === "string" ? [each.pattern.Regex] : undefined;
}
