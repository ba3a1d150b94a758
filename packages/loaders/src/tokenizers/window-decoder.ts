/** Decoding a stream with a decoder that only knows whole texts, a few tokens at a time. */
import type { StreamDecoder } from "./tokenizer.js";

/**
 * Tokens before the newest that are decoded with it. Characters have up to four bytes, so that behind as many tokens nothing
 * depends on where the window begins; spaces that decoders take from a text's start are fewer too.
 */
const contextTokens = 8;

/**
 * A decoder says U+FFFD for bytes that are no character. Only the last one may still become one: by all later bytes nothing
 * before it changes. So that one waits, whether it will stay or not.
 *
 * @param decode the text of tokens; what more tokens add stands behind it, but for such a last U+FFFD
 * @param hasText whether a token has a text; the others are left out, so that a window is not full of them
 */
export function windowDecoder(
  decode: (tokens: readonly number[]) => string,
  prompt: readonly number[],
  hasText: (token: number) => boolean,
): StreamDecoder {
  let window = lastWithText(prompt, hasText);
  // How much of the window's text was given out; of the prompt's, all that will not change.
  let given = settledLength(decode(window));
  return {
    push: (token) => {
      if (!hasText(token)) return "";
      if (window.length >= 2 * contextTokens) {
        const waiting = decode(window).length - given;
        window = window.slice(-contextTokens);
        given = decode(window).length - waiting;
      }
      window.push(token);
      const text = decode(window);
      const piece = text.slice(given, settledLength(text));
      given = Math.max(given, settledLength(text));
      return piece;
    },
    end: () => {
      const text = decode(window);
      const piece = text.slice(given);
      given = text.length;
      return piece;
    },
  };
}

function settledLength(text: string): number {
  return text.endsWith("\uFFFD") ? text.length - 1 : text.length;
}

function lastWithText(tokens: readonly number[], hasText: (token: number) => boolean): number[] {
  const last: number[] = [];
  for (let index = tokens.length - 1; index >= 0 && last.length < contextTokens; index--) {
    const token = tokens[index] as number;
    if (hasText(token)) last.unshift(token);
  }
  return last;
}
