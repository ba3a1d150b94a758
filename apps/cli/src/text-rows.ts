/** Rows of tokens of one length from texts, for training and evaluating language models. */
import type { Tokenizer } from "@sst/loaders";
import { Random } from "@sst/tensor";

/** Texts as tokens, each encoded once, when it is first needed. */
export class EncodedTexts {
  readonly #tokens = new Map<number, number[]>();

  constructor(
    private readonly texts: readonly string[],
    private readonly tokenizer: Tokenizer,
  ) {}

  /** A row that begins with a text drawn at random and goes on with others until it is full. */
  randomRow(random: Random, length: number): number[] {
    const row: number[] = [];
    while (row.length < length) row.push(...this.#encode(random.integer(this.texts.length)));
    return row.slice(0, length);
  }

  /** The first texts in order, cut into rows that overlap by one token, so that each token but the first is a label once. */
  consecutiveRows(length: number, maximum: number): number[][] {
    const rows: number[][] = [];
    let pending: number[] = [];
    for (let index = 0; index < this.texts.length && rows.length < maximum; index++) {
      pending.push(...this.#encode(index));
      while (pending.length >= length && rows.length < maximum) {
        rows.push(pending.slice(0, length));
        pending = pending.slice(length - 1);
      }
    }
    return rows;
  }

  #encode(index: number): number[] {
    const known = this.#tokens.get(index);
    if (known !== undefined) return known;
    const tokens = this.tokenizer.encode(this.texts[index] as string);
    this.#tokens.set(index, tokens);
    return tokens;
  }
}

/** Rows of one training step, the same for the same seed and step. */
export function stepRows(texts: EncodedTexts, seed: number, step: number, count: number, length: number): number[][] {
  const random = new Random(`rows/${seed}/${step}`);
  return Array.from({ length: count }, () => texts.randomRow(random, length));
}
