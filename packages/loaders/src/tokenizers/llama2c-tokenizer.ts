/**
 * llama2.c's tokenizer: SentencePiece byte-pair encoding with scores, and single bytes for what the vocabulary lacks. The
 * file: int32 longest token, then for each token float32 score, int32 length, bytes.
 */
import { SstError } from "@sst/tensor";
import { mergePairs, type Union } from "./merge-pairs.js";
import type { EncodeOptions, StreamDecoder, Tokenizer } from "./tokenizer.js";

const startToken = 1;
const endToken = 2;
/** Byte b is token b + 3. */
const firstByteToken = 3;

/** A character has no more bytes than this. */
const longestCharacter = 4;

export class Llama2cTokenizer implements Tokenizer {
  readonly endToken = endToken;
  readonly #pieces: readonly Uint8Array[];
  /** The pieces as strings. Latin-1 keeps bytes apart that are no valid UTF-8. */
  readonly #texts: readonly string[];
  readonly #scores: Float32Array;
  readonly #ids = new Map<string, number>();
  readonly #bytes: Uint8Array;

  /**
   * @param beside files to save with it, such as a chat template
   * @throws SstError `file-corrupt` for a file that ends early or claims impossible lengths
   */
  constructor(
    bytes: Uint8Array,
    fileName = "tokenizer.bin",
    private readonly beside: Readonly<Record<string, Uint8Array>> = {},
  ) {
    const { pieces, scores } = readPieces(bytes, fileName);
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.#scores = scores;
    this.#texts = pieces.map(latin1);
    // Among equal pieces the first one counts.
    for (const [id, text] of this.#texts.entries()) if (!this.#ids.has(text)) this.#ids.set(text, id);
  }

  get vocabSize(): number {
    return this.#pieces.length;
  }

  /** Tokens as bytes, by number; 1 and 2 are where a text starts and ends. */
  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  get scores(): Float32Array {
    return this.#scores;
  }

  /** The file's special tokens have no names that a text could hold. */
  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    const tokens: number[] = [];
    if (text !== "") for (const word of ` ${text}`) tokens.push(...this.#encodeCharacter(word));
    const merged = mergePairs(tokens, (left, right) => this.#unionOf(left, right));
    return addSpecialTokens ? [startToken, ...merged] : merged;
  }

  decode(tokens: readonly number[]): string {
    const decoder = this.streamDecoder([]);
    return tokens.map((token) => decoder.push(token)).join("") + decoder.end();
  }

  streamDecoder(prompt: readonly number[]): StreamDecoder {
    // A byte order mark that was encoded is text like any other.
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    let previous = prompt.at(-1 - longestCharacter) ?? startToken;
    const push = (token: number) => {
      const bytes = this.#bytesOf(token, previous);
      previous = token;
      return utf8.decode(bytes, { stream: true });
    };
    // The prompt may end within a character.
    for (const token of prompt.slice(-longestCharacter)) push(token);
    return { push, end: () => utf8.decode() };
  }

  files(): Record<string, Uint8Array> {
    return { "tokenizer.bin": this.#bytes, ...this.beside };
  }

  #encodeCharacter(character: string): number[] {
    const bytes = new TextEncoder().encode(character);
    const known = this.#ids.get(latin1(bytes));
    return known !== undefined ? [known] : Array.from(bytes, (byte) => byte + firstByteToken);
  }

  #unionOf(left: number, right: number): Union | undefined {
    const token = this.#ids.get((this.#texts[left] as string) + (this.#texts[right] as string));
    return token === undefined ? undefined : { token, score: this.#scores[token] as number };
  }

  #bytesOf(token: number, previous: number): Uint8Array {
    const piece = this.#pieces[token];
    if (piece === undefined) throw new SstError("unknown-token", `the tokenizer has no token ${token}`);
    if (token === startToken || token === endToken) return new Uint8Array();
    const byte = /^<0x([0-9A-F]{2})>$/.exec(latin1(piece))?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    // The space that was put before the text.
    return previous === startToken && piece[0] === 0x20 ? piece.subarray(1) : piece;
  }
}

/** Whether a file reads as a tokenizer from its first byte to its last. */
export function looksLikeLlama2cTokenizer(bytes: Uint8Array): boolean {
  try {
    readPieces(bytes, "");
    return true;
  } catch {
    return false;
  }
}

function readPieces(bytes: Uint8Array, fileName: string): { pieces: Uint8Array[]; scores: Float32Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const corrupt = (complaint: string) =>
    new SstError("file-corrupt", `${fileName}: ${complaint}: is it a llama2.c tokenizer?`);
  if (bytes.byteLength < 4) throw corrupt(`${bytes.byteLength} bytes are too few`);
  const longest = view.getInt32(0, true);
  const pieces: Uint8Array[] = [];
  const scores: number[] = [];
  let position = 4;
  while (position < bytes.byteLength) {
    if (position + 8 > bytes.byteLength) throw corrupt(`it ends within token ${pieces.length}`);
    const length = view.getInt32(position + 4, true);
    if (length < 0 || length > longest)
      throw corrupt(`token ${pieces.length} claims ${length} bytes of at most ${longest}`);
    const end = position + 8 + length;
    if (end > bytes.byteLength) throw corrupt(`it ends within token ${pieces.length}`);
    scores.push(view.getFloat32(position, true));
    pieces.push(bytes.subarray(position + 8, end));
    position = end;
  }
  if (pieces.length < firstByteToken + 256) throw corrupt(`it has ${pieces.length} tokens, fewer than the bytes need`);
  return { pieces, scores: Float32Array.from(scores) };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
