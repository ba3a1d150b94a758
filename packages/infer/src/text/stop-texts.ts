/** Where a text that comes in pieces ends: at the first stop string, of which no part is ever given out. */
import { SstError } from "@sst/tensor";

/**
 * Gives out a text up to the first place where a stop string begins; that of the whole text, however it was cut into pieces. What
 * may still become a stop string is held back until it is known.
 */
export class StopTexts {
  readonly #stops: readonly string[];
  #held = "";
  #found: string | undefined;

  /** @throws SstError `invalid-argument` for an empty stop string, and one that ends or begins within a character */
  constructor(stops: readonly string[]) {
    for (const stop of stops) {
      if (stop === "") throw new SstError("invalid-argument", "a stop string is empty: it would stop before any text");
      if (/\p{Surrogate}/u.test(stop)) {
        throw new SstError("invalid-argument", `the stop string ${JSON.stringify(stop)} has half of a character`);
      }
    }
    // The shortest first: of those that begin at one place it is the first that is there whole.
    this.#stops = [...stops].sort((left, right) => left.length - right.length);
  }

  /** The stop string that ended the text; of several that begin at the same place the shortest. */
  get found(): string | undefined {
    return this.#found;
  }

  /** The text that is certain with this piece, perhaps none; none after a stop string. */
  push(piece: string): string {
    return this.#advance(piece, (text, at) => this.#stops.some((stop) => stop.startsWith(text.slice(at))));
  }

  /** The text that was held back, up to a stop string in it: nothing comes any more. */
  end(): string {
    return this.#advance("", () => false);
  }

  #advance(piece: string, mayBegin: (text: string, at: number) => boolean): string {
    if (this.#found !== undefined) return "";
    const text = this.#held + piece;
    for (let at = 0; at < text.length; at++) {
      this.#found = this.#stops.find((stop) => text.startsWith(stop, at));
      if (this.#found === undefined && !mayBegin(text, at)) continue;
      // Where a stop string may begin, a later one that is there already has to wait.
      this.#held = this.#found === undefined ? text.slice(at) : "";
      return text.slice(0, at);
    }
    this.#held = "";
    return text;
  }
}
