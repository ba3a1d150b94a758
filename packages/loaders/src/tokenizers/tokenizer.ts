/** Text to tokens and back, whatever the format. */

export interface Tokenizer {
  readonly vocabSize: number;
  /** Tokens of a text, with what the model expects before it (such as a start token). */
  encode(text: string): number[];
  /** The text of tokens, start and end tokens left out. */
  decode(tokens: readonly number[]): string;
  /** Text as it comes, for tokens that follow `prompt`; it never breaks a character. */
  streamDecoder(prompt: readonly number[]): StreamDecoder;
  /** The files to save beside a model, by name, so that it loads again. */
  files(): Readonly<Record<string, Uint8Array>>;
}

export interface StreamDecoder {
  /** The text that a token completes, perhaps none. */
  push(token: number): string;
  /** What is left; a character that was not finished comes out as U+FFFD. */
  end(): string;
}
