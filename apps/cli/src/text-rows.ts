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

  get count(): number {
    return this.texts.length;
  }

  /** A row that begins with a text drawn at random and goes on with others until it is full. */
  randomRow(random: Random, length: number): number[] {
    return this.#fill(length, () => random.integer(this.texts.length));
  }

  /** A row that begins with a given text and goes on with those after it. */
  rowFrom(first: number, length: number): number[] {
    let next = first;
    return this.#fill(length, () => next++ % this.texts.length);
  }

  #fill(length: number, nextText: () => number): number[] {
    const row: number[] = [];
    while (row.length < length) row.push(...this.#encode(nextText()));
    return row.slice(0, length);
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
