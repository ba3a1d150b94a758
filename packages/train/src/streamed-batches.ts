/** Documents that are read when their turn comes, as batches: data sets too large for memory. */
import { Random, SstError } from "@sst/tensor";
import type { Batch } from "./batch.js";
import type { BatchSource } from "./batch-source.js";
import type { Json } from "./checkpoint.js";
import { asksWithin, type DocumentBatchesOptions, documentBatch, type TokenDocument } from "./document-batches.js";

/** Documents in parts, such as the lines of a file: parts are shuffled, and read one at a time. */
export interface DocumentParts {
  readonly partCount: number;
  /** Another one where the documents are others: a cursor does not go on in them. */
  readonly fingerprint: string;
  /** The documents of a part, perhaps none; the same ones each time. */
  part(index: number): Promise<readonly TokenDocument[]>;
}

/** Between two documents. */
interface Cursor {
  readonly epoch: number;
  /** Parts of this epoch that are done. */
  readonly position: number;
  /** Documents that are done of the part that follows them. */
  readonly documents: number;
}

interface Waiting {
  readonly document: TokenDocument;
  readonly after: Cursor;
}

/**
 * All documents that ask for something, part by part in an order that is another one in each epoch. That order takes four
 * bytes a part; of the documents no more are in memory than a batch and a part.
 */
export class StreamedBatches implements BatchSource {
  #cursor: Cursor = { epoch: 0, position: 0, documents: 0 };
  #order: Uint32Array;
  /** What was read and is in no batch yet: it follows the cursor, and nothing lies between. */
  #waiting: Waiting[] = [];
  /** Parts of this epoch that were read. */
  #partsRead = 0;

  constructor(
    private readonly parts: DocumentParts,
    private readonly options: DocumentBatchesOptions,
  ) {
    this.#order = this.#shuffled(0);
  }

  /**
   * @throws SstError `invalid-argument` where no document asks for anything within a row's length, and what reading a part
   * throws
   */
  async next(): Promise<readonly Batch[]> {
    const batches: Batch[] = [];
    while (batches.length < (this.options.accumulate ?? 1)) batches.push(await this.#nextBatch());
    return batches;
  }

  state(): Json {
    const { partCount, fingerprint } = this.parts;
    return { ...this.#cursor, seed: this.options.seed, parts: partCount, fingerprint };
  }

  /** @throws SstError `checkpoint-mismatch` for another seed, `file-changed` where the documents are not those any more */
  restore(state: Json): void {
    const { epoch, position, documents, seed, ...of } = state as unknown as Cursor & Record<string, unknown>;
    if (seed !== this.options.seed) {
      throw new SstError(
        "checkpoint-mismatch",
        `the checkpoint's data has seed ${seed}, but this has ${this.options.seed}`,
      );
    }
    const { partCount, fingerprint } = this.parts;
    if (of.parts !== partCount || of.fingerprint !== fingerprint) {
      throw new SstError(
        "file-changed",
        `the checkpoint stands within ${of.parts} parts of data that are not those of now (${partCount}): put the files ` +
          "back as they were, or begin a new run",
      );
    }
    this.#begin({ epoch, position, documents });
  }

  async #nextBatch(): Promise<Batch> {
    // What is left of this epoch may ask for nothing; all of the next one may not.
    const rest = await this.#batchOfEpoch();
    if (rest !== undefined) return rest;
    this.#begin({ epoch: this.#cursor.epoch + 1, position: 0, documents: 0 });
    const first = await this.#batchOfEpoch();
    if (first !== undefined) return first;
    throw new SstError(
      "invalid-argument",
      `nothing in the ${this.parts.partCount} parts of the data asks for a token within the first ${this.options.length}: use longer rows`,
    );
  }

  /** The next batch of this epoch, if there is one. */
  async #batchOfEpoch(): Promise<Batch | undefined> {
    await this.#readAhead();
    const { batch, taken } = documentBatch(
      this.#waiting.map(({ document }) => document),
      this.options,
    );
    const last = this.#waiting.splice(0, taken).at(-1);
    if (last === undefined) return undefined;
    this.#cursor = last.after;
    return batch;
  }

  /** More than a batch holds, or all that is left: so that what is in a batch does not depend on what was read before. */
  async #readAhead(): Promise<void> {
    const { rows, length } = this.options;
    let room = rows * length - this.#waiting.reduce((total, { document }) => total + this.#sizeOf(document), 0);
    while (room >= 0 && this.#partsRead < this.#order.length) {
      const { epoch, position, documents: done } = this.#cursor;
      const at = this.#partsRead;
      const documents = await this.parts.part(this.#order[at] as number);
      for (const [index, document] of documents.entries()) {
        if ((at === position && index < done) || !asksWithin(length, document)) continue;
        this.#waiting.push({ document, after: { epoch, position: at, documents: index + 1 } });
        room -= this.#sizeOf(document);
      }
      this.#partsRead++;
    }
  }

  /** Places that a document takes in a batch. */
  #sizeOf({ tokens }: TokenDocument): number {
    const { length, packed } = this.options;
    return packed ? Math.min(length, tokens.length - 1) : length;
  }

  #begin(cursor: Cursor): void {
    this.#order = this.#shuffled(cursor.epoch);
    this.#cursor = cursor;
    this.#waiting = [];
    this.#partsRead = cursor.position;
  }

  /** Fisher and Yates in place: an array of numbers would take twice the memory, and a second one. */
  #shuffled(epoch: number): Uint32Array {
    const random = new Random(`parts/${this.options.seed}/${epoch}`);
    const order = Uint32Array.from({ length: this.parts.partCount }, (_, index) => index);
    for (let last = order.length - 1; last > 0; last--) {
      const other = random.integer(last + 1);
      [order[last], order[other]] = [order[other] as number, order[last] as number];
    }
    return order;
  }
}
