/**
 * SentencePiece byte-pair encoding with scores, as llama.cpp has it: special tokens are cut out first, what lies between
 * begins with a space and is merged, best score first; characters that the vocabulary lacks become bytes.
 */
import { SstError } from "@sst/tensor";
import { jsonBytes } from "../files/json.js";
import { SPACE, tokenizerConfigJson, tokenizerJson } from "./gguf-tokenizer-json.js";
import { type SentencePieceVocabulary, tokenTypes } from "./gguf-vocabulary.js";
import { mergePairs, type Union } from "./merge-pairs.js";
import type { EncodeOptions, StreamDecoder, Tokenizer } from "./tokenizer.js";

const cutTypes: readonly number[] = [tokenTypes.control, tokenTypes.userDefined, tokenTypes.unknown];
const silentTypes: readonly number[] = [tokenTypes.control, tokenTypes.unknown];

export class SentencePieceTokenizer implements Tokenizer {
  readonly endToken?: number;
  readonly #ids: ReadonlyMap<string, number>;
  /** Finds the tokens that are cut out of a text, the longest first; undefined where there are none. */
  readonly #cut: RegExp | undefined;

  constructor(readonly vocabulary: SentencePieceVocabulary) {
    const { tokens, types, eos } = vocabulary;
    if (eos !== undefined) this.endToken = eos;
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    const cut = tokens.filter((token, id) => token !== "" && cutTypes.includes(types[id] as number));
    const longestFirst = cut.sort((one, other) => other.length - one.length).map(escaped);
    this.#cut = cut.length > 0 ? new RegExp(`(${longestFirst.join("|")})`, "u") : undefined;
  }

  get vocabSize(): number {
    return this.vocabulary.tokens.length;
  }

  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    const { bos, eos, addBos, addEos } = this.vocabulary;
    const tokens = addSpecialTokens && addBos && bos !== undefined ? [bos] : [];
    // Every second part is a token.
    for (const [index, part] of (this.#cut ? text.split(this.#cut) : [text]).entries()) {
      if (index % 2 === 1) tokens.push(this.#ids.get(part) as number);
      else if (part !== "") tokens.push(...this.#encodePart(part));
    }
    return addSpecialTokens && addEos && eos !== undefined ? [...tokens, eos] : tokens;
  }

  decode(tokens: readonly number[]): string {
    const decoder = this.streamDecoder([]);
    return tokens.map((token) => decoder.push(token)).join("") + decoder.end();
  }

  streamDecoder(prompt: readonly number[]): StreamDecoder {
    // A byte order mark that was encoded is text like any other.
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    let isFirst = prompt.length === 0 || this.#isCut(prompt.at(-1) as number);
    return {
      push: (token) => {
        const bytes = this.#bytesOf(token, isFirst);
        isFirst = this.#isCut(token);
        return utf8.decode(bytes, { stream: true });
      },
      end: () => utf8.decode(),
    };
  }

  files(): Record<string, Uint8Array> {
    return {
      "tokenizer.json": jsonBytes(tokenizerJson(this.vocabulary, "tokenizer.json")),
      "tokenizer_config.json": jsonBytes(tokenizerConfigJson(this.vocabulary)),
    };
  }

  #encodePart(text: string): number[] {
    const prefixed = this.vocabulary.addSpacePrefix ? ` ${text}` : text;
    const characters = Array.from(prefixed.replaceAll(" ", SPACE));
    return mergePairs(
      characters.flatMap((each) => this.#encodeCharacter(each)),
      (left, right) => this.#unionOf(left, right),
    );
  }

  #encodeCharacter(character: string): number[] {
    const known = this.#ids.get(character);
    if (known !== undefined) return [known];
    const bytes = Array.from(new TextEncoder().encode(character), (byte) => this.#ids.get(byteName(byte)));
    const { unknown } = this.vocabulary;
    if (bytes.includes(undefined)) return unknown === undefined ? [] : [unknown];
    return bytes as number[];
  }

  #unionOf(left: number, right: number): Union | undefined {
    const { tokens, scores } = this.vocabulary;
    const token = this.#ids.get((tokens[left] as string) + (tokens[right] as string));
    return token === undefined ? undefined : { token, score: scores[token] as number };
  }

  #isCut(token: number): boolean {
    return cutTypes.includes(this.vocabulary.types[token] as number);
  }

  #bytesOf(token: number, isFirst: boolean): Uint8Array {
    const { tokens, types, addSpacePrefix } = this.vocabulary;
    const piece = tokens[token];
    if (piece === undefined) throw new SstError("unknown-token", `the tokenizer has no token ${token}`);
    if (silentTypes.includes(types[token] as number)) return new Uint8Array();
    const byte = types[token] === tokenTypes.byte ? /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    const text = piece.replaceAll(SPACE, " ");
    // The space that was put before the text.
    return new TextEncoder().encode(isFirst && addSpacePrefix && text.startsWith(" ") ? text.slice(1) : text);
  }
}

export function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** Text as a regular expression that matches it. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
