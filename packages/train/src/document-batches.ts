/** Documents as batches that ask for each next token: packed, several to a row, or one to a row. */
import { Random, SstError } from "@sst/tensor";
import type { Batch } from "./batch.js";
import type { BatchSource } from "./batch-source.js";
import type { Json } from "./checkpoint.js";

export interface TokenDocument {
  readonly tokens: ArrayLike<number>;
  /** The first token that is asked for, at least 1; the ones before it are only read. Defaults to 1: all are asked for. */
  readonly answerStart?: number;
  /** By token, 0 for one that is only read; with it, it says all and `answerStart` nothing. The first token is never asked for. */
  readonly asked?: ArrayLike<number>;
}

/** Documents by their place; an array is one. One that is dear to make may be made when it is asked for. */
export interface DocumentList {
  readonly length: number;
  at(index: number): TokenDocument | undefined;
}

/** Documents of items, each made once, when it is asked for: encoding a data set takes longer than reading it. */
export function documentsWhenAsked<Item>(items: readonly Item[], make: (item: Item) => TokenDocument): DocumentList {
  const made: TokenDocument[] = [];
  return {
    length: items.length,
    at: (index) => {
      made[index] ??= make(items[index] as Item);
      return made[index];
    },
  };
}

/** Whether a row of so many tokens asks for any of the document's. */
export function asksWithin(length: number, document: TokenDocument): boolean {
  const { tokens, answerStart = 1, asked } = document;
  const end = Math.min(tokens.length, length + 1);
  if (asked === undefined) return answerStart < end;
  for (let index = 1; index < end; index++) if (asksFor(document, index)) return true;
  return false;
}

function asksFor({ answerStart = 1, asked }: TokenDocument, index: number): boolean {
  return asked === undefined ? index >= answerStart : Boolean(asked[index]);
}

export interface RowOptions {
  readonly rows: number;
  /** Tokens that a row reads. What is longer is cut. */
  readonly length: number;
  /** Puts as many documents into a row as fit; otherwise each has its own. */
  readonly packed: boolean;
}

/** A batch of the first documents, as many as find room, with a 0 in every place that is left over. */
export function documentBatch(
  documents: Iterable<TokenDocument>,
  { rows, length, packed }: RowOptions,
): { readonly batch: Batch; readonly taken: number } {
  const filled = new Array<number>(rows).fill(0);
  const tokens = new Int32Array(rows * length);
  const labels = new Int32Array(rows * length).fill(-1);
  const starts = new Int32Array(rows * length);
  let taken = 0;
  for (const document of documents) {
    // The last token is asked for and not read.
    const size = Math.min(length, document.tokens.length - 1);
    const row = filled.findIndex((used) => (packed ? used + size <= length : used === 0));
    if (row < 0) break;
    const start = filled[row] as number;
    const at = row * length + start;
    for (let i = 0; i < size; i++) {
      tokens[at + i] = document.tokens[i] as number;
      if (asksFor(document, i + 1)) labels[at + i] = document.tokens[i + 1] as number;
    }
    starts.fill(start, at, at + size);
    // A document of one token has nothing to read; its row still counts as taken.
    filled[row] = start + Math.max(size, packed ? 0 : 1);
    taken++;
  }
  const batch = { batchSize: rows, time: length, tokens, labels };
  // By itself in its row, a document hears nothing of what is left over behind it.
  if (!packed) return { batch, taken };
  // Otherwise that is a document that nobody asks about.
  for (const [row, used] of filled.entries()) starts.fill(used, row * length + used, (row + 1) * length);
  return { batch: { ...batch, documentStarts: starts }, taken };
}

/** All documents in their order, in as many batches as it takes: for an evaluation. */
export function documentBatches(documents: readonly TokenDocument[], options: RowOptions): Batch[] {
  const batches: Batch[] = [];
  for (let done = 0; done < documents.length; ) {
    const { batch, taken } = documentBatch(documents.slice(done), options);
    batches.push(batch);
    done += taken;
  }
  return batches;
}

export interface DocumentBatchesOptions extends RowOptions {
  /** Of the order, which is another one in each epoch. */
  readonly seed: number;
  /** Batches of a step, whose gradients are added up; defaults to 1. */
  readonly accumulate?: number;
}

/** All documents that ask for something, shuffled, epoch after epoch. A document is looked at when its turn comes. */
export class DocumentBatches implements BatchSource {
  readonly #random: Random;
  /** The random state that the epoch's order was drawn from. */
  #epochState: readonly number[];
  #order: readonly number[];
  /** Documents of this epoch that are done. */
  #position = 0;

  constructor(
    private readonly documents: DocumentList,
    private readonly options: DocumentBatchesOptions,
  ) {
    this.#random = new Random(`documents/${options.seed}`);
    this.#epochState = this.#random.state;
    this.#order = this.#shuffled();
  }

  /** @throws SstError `invalid-argument` where no document asks for anything within a row's length */
  next(): readonly Batch[] {
    return Array.from({ length: this.options.accumulate ?? 1 }, () => this.#nextBatch());
  }

  state(): Json {
    return { documents: this.documents.length, position: this.#position, random: this.#epochState };
  }

  restore(state: Json): void {
    const { documents, position, random } = state as { documents: number; position: number; random: readonly number[] };
    if (documents !== this.documents.length) {
      throw new SstError(
        "checkpoint-mismatch",
        `the checkpoint comes from a run on ${documents} documents, but there are ${this.documents.length}`,
      );
    }
    this.#random.state = random;
    this.#epochState = random;
    this.#order = this.#shuffled();
    this.#position = position;
  }

  #nextBatch(): Batch {
    // What is left of this epoch may ask for nothing; all of the next one may not.
    const rest = this.#batchOfEpoch();
    if (rest !== undefined) return rest;
    this.#epochState = this.#random.state;
    this.#order = this.#shuffled();
    this.#position = 0;
    const first = this.#batchOfEpoch();
    if (first !== undefined) return first;
    throw new SstError(
      "invalid-argument",
      `none of the ${this.documents.length} documents asks for a token within the first ${this.options.length}: use longer rows`,
    );
  }

  /** The next batch of this epoch, if there is one. */
  #batchOfEpoch(): Batch | undefined {
    /** By document that was handed over, how many of the epoch are done with it. */
    const done: number[] = [];
    const { batch, taken } = documentBatch(this.#asking(done), this.options);
    if (taken > 0) this.#position = done[taken - 1] as number;
    return taken > 0 ? batch : undefined;
  }

  *#asking(done: number[]): Generator<TokenDocument> {
    for (let position = this.#position; position < this.#order.length; position++) {
      const document = this.documents.at(this.#order[position] as number) as TokenDocument;
      if (!asksWithin(this.options.length, document)) continue;
      done.push(position + 1);
      yield document;
    }
  }

  #shuffled(): number[] {
    return this.#random.shuffled(Array(this.documents.length).keys());
  }
}
