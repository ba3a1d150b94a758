/** The text of generated tokens as it comes. */
import { StopTexts } from "./stop-texts.js";

/** Tokens to text: a tokenizer's stream decoder is one. */
export interface TokenDecoder {
  /** The text that a token completes, perhaps none. */
  push(token: number): string;
  /** What is left when no token comes any more. */
  end(): string;
}

/** Puts the pieces of a decoder together, and ends them at the first stop string. */
export class TextAssembler {
  readonly #decoder: TokenDecoder;
  readonly #stops: StopTexts;

  /** @throws SstError `invalid-argument` for an empty or broken stop string */
  constructor(decoder: TokenDecoder, stops: readonly string[] = []) {
    this.#decoder = decoder;
    this.#stops = new StopTexts(stops);
  }

  /** The stop string that was found: no token is needed after it. */
  get found(): string | undefined {
    return this.#stops.found;
  }

  /** The text that is certain with this token; no part of it belongs to a stop string, now or later. */
  push(token: number): string {
    return this.#stops.push(this.#decoder.push(token));
  }

  /** The text that was held back. It may hold a stop string that had to wait for a longer one before it. */
  end(): string {
    return this.#stops.push(this.#decoder.end()) + this.#stops.end();
  }
}
