/** Text to tokens and back, whatever the format. */

export interface Tokenizer {
  /** One more than the highest token that it gives: what a model has to have rows for. */
  readonly vocabSize: number;
  /** What ends a text, where the files say it. */
  readonly endToken?: number;
  /** Tokens of a text, with what the model expects before it (such as a start token). Names of special tokens become these. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The text of tokens, start and end tokens left out. @throws SstError `unknown-token` */
  decode(tokens: readonly number[]): string;
  /**
   * Text as it comes, for tokens that follow `prompt`; it never breaks a character, and what a token costs does not grow with
   * what came before. All pieces together are what `decode` gives for all tokens, behind the prompt; of a prompt that ends
   * within a character, that one comes when it is whole.
   */
  streamDecoder(prompt: readonly number[]): StreamDecoder;
  /** The files to save beside a model, by name, so that it loads again. */
  files(): Readonly<Record<string, Uint8Array>>;
}

export interface EncodeOptions {
  /** Puts what the model expects before the text; defaults to true. A chat template's text has it already. */
  readonly addSpecialTokens?: boolean;
}

export interface StreamDecoder {
  /** The text that a token completes, perhaps none. @throws SstError `unknown-token` */
  push(token: number): string;
  /** What is left; a character that was not finished comes out as U+FFFD. */
  end(): string;
}
