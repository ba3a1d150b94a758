/** A model of text, as an evaluation sees it. */
import type { DecoderModel, ModelConfig } from "@sst/layers";
import type { SymbolVocabulary } from "@sst/loaders";

/** Text to tokens and back; the tokenizers of `@sst/loaders` are of this shape. */
export interface TextCodec {
  /** Tokens of a text, with what the model expects before it. */
  encode(text: string): number[];
  /** Text as it comes, for tokens that follow `prompt`. */
  streamDecoder(prompt: readonly number[]): { push(token: number): string; end(): string };
}

export interface Subject {
  readonly model: DecoderModel;
  readonly codec: TextCodec;
  /** Tokens that end a completion. */
  readonly stopTokens: readonly number[];
}

/** A model of text with its tokenizer; the end token ends a completion, and where another text would begin it does so, too. */
export function textSubject(model: DecoderModel, codec: TextCodec): Subject {
  return { model, codec, stopTokens: endTokens(model.config) };
}

/** A model that labels the symbols of a task: its prompts are symbols, its completions labels. */
export function symbolSubject(model: DecoderModel, vocabulary: SymbolVocabulary): Subject {
  const codec: TextCodec = {
    encode: (text) => [vocabulary.startToken, ...vocabulary.encode(text)],
    streamDecoder: () => ({ push: (token) => vocabulary.decode(token), end: () => "" }),
  };
  return { model, codec, stopTokens: [] };
}

function endTokens({ eosTokenId, bosTokenId }: ModelConfig): number[] {
  return [eosTokenId ?? [], bosTokenId ?? []].flat();
}
