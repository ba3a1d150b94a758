/**
 * Sessions that generate at the same time and share each pass through the model (ours): a pass reads the weights once for all of them.
 * They may be at different positions and iterations, come and go, and be as slow as they like: who does not ask for the next
 * position is not waited for.
 */
import { type DecoderModel, type ModelWeights, RowBatch } from "@sst/layers";
import { SstError, slice } from "@sst/tensor";
import { take } from "../likeliest.js";
import { type BatchHost, BatchMember } from "./batch-member.js";
import { LookedAtRow } from "./looked-at-row.js";
import type { PositionReader } from "./position-reader.js";
import type { SessionCaches } from "./session-caches.js";
import { turnOfTheLoop } from "./turn-of-the-loop.js";

export interface SessionBatchOptions {
  /**
   * How many sessions share a pass; more of them take turns. Defaults to 8, up to which the CPU reads weights where they lie; beyond, a
   * product packs them first.
   */
  readonly maximumRows?: number;
  /** For sessions that run the plain backbone. */
  readonly streamOff?: boolean;
}

/** Turns that a pass waits for sessions that are about to ask. */
const PATIENCE = 2;

export class SessionBatch implements Disposable {
  readonly #weights: ModelWeights;
  readonly #maximumRows: number;
  readonly #isStreamOff: boolean;
  /** Those that generate, whether they have a row or not. */
  readonly #members = new Set<BatchMember>();
  readonly #host: BatchHost;
  #rows: RowBatch | undefined;
  #isRunning = false;
  #isStirred = false;
  #isDisposed = false;

  /** @throws SstError `invalid-argument` */
  constructor(
    private readonly model: DecoderModel,
    { maximumRows = 8, streamOff = false }: SessionBatchOptions = {},
  ) {
    if (!Number.isInteger(maximumRows) || maximumRows < 1) {
      throw new SstError(
        "invalid-argument",
        `maximumRows should be a whole number of at least 1, but is ${maximumRows}`,
      );
    }
    this.#weights = model.weights();
    this.#maximumRows = maximumRows;
    this.#isStreamOff = streamOff;
    this.#host = {
      weights: this.#weights,
      isAlone: () => this.#requireThere() && this.#members.size === 1,
      stand: (member) => this.#stand(member),
      stir: () => this.#stir(),
      settle: (member) => this.#settle(member),
      leave: (member) => this.#leave(member),
    };
  }

  /** Sessions that generate at the moment. */
  get size(): number {
    return this.#members.size;
  }

  /** @throws SstError `contradiction` for a session of another model, or one that differs in `streamOff`; `disposed` */
  requireFit(model: DecoderModel, streamOff: boolean): void {
    this.#requireThere();
    if (model === this.model && streamOff === this.#isStreamOff) return;
    throw new SstError(
      "contradiction",
      "a batch decodes sessions of its own model, all of them with the stream on or all with it off",
    );
  }

  /** Reads the positions of a session's generation. @throws SstError as `requireFit` */
  reader(model: DecoderModel, caches: SessionCaches, streamOff: boolean): PositionReader {
    this.requireFit(model, streamOff);
    const member = new BatchMember(caches, streamOff, this.#host);
    this.#members.add(member);
    return member;
  }

  /** Sessions keep what they have read; those that still generate are refused their next position. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const member of this.#members) this.#stand(member);
    this.#dropRows();
    this.#weights.dispose();
    this.#stir();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #requireThere(): true {
    if (this.#isDisposed) throw new SstError("disposed", "the batch was disposed of");
    return true;
  }

  /** Somebody asks, or something has changed that those who wait may have waited for. */
  #stir(): void {
    this.#isStirred = true;
    if (!this.#isRunning) void this.#run();
  }

  /** Passes, for as long as somebody asks who can be given a row. Errors are theirs who ask. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let isAnybodyServed: boolean;
    do {
      this.#isStirred = false;
      for (let turn = 0; turn < PATIENCE && this.#asking().length < this.#members.size; turn++) await turnOfTheLoop();
      isAnybodyServed = await this.#pass();
    } while (isAnybodyServed || this.#isStirred);
    this.#isRunning = false;
  }

  async #pass(): Promise<boolean> {
    try {
      this.#seat();
      const seated = this.#asking().flatMap(({ row, question }) =>
        row === undefined || !question ? [] : { row, question },
      );
      if (seated.length === 0) return false;
      const tokens = new Map(seated.map(({ row, question }) => [row, question.token]));
      const rows = this.#rows as RowBatch;
      const { logits, top } = rows.iterate(
        tokens,
        seated.some(({ question }) => question.wantsLogits),
      );
      const all = logits && ((await take(logits)) as Float32Array);
      const { vocabSize, hiddenSize } = this.model.config;
      for (const { row, question } of seated) {
        const left = all
          ? { logits: all.subarray(row * vocabSize, (row + 1) * vocabSize) }
          : { top: slice(top, [row, 0, 0], [1, 1, hiddenSize]) };
        question.answer(new LookedAtRow(rows, row, this.#weights, left));
      }
      top.dispose();
      return true;
    } catch (error) {
      for (const { question } of this.#asking()) question?.refuse(error);
      return false;
    }
  }

  #asking(): BatchMember[] {
    return [...this.#members].filter(({ question }) => question !== undefined);
  }

  /** Gives rows to those that ask and have none, as far as there are some. */
  #seat(): void {
    this.#requireThere();
    const rows = this.#resized();
    for (const member of this.#asking()) {
      // Who needs longer rows waits until these can be changed.
      if (member.row !== undefined || member.caches.capacity > rows.capacity) continue;
      const row = rows.freeRow ?? this.#vacated();
      if (row === undefined) return;
      try {
        rows.join(row, member.caches);
        member.row = row;
      } catch (error) {
        member.question?.refuse(error);
      }
    }
  }

  /** Rows in powers of two, for as many members as there are; changed where nobody is amid a position. */
  #resized(): RowBatch {
    const members = [...this.#members];
    const rows = Math.min(this.#maximumRows, 2 ** Math.ceil(Math.log2(Math.max(members.length, 1))));
    const capacity = Math.max(1, ...members.map(({ caches }) => caches.capacity));
    const isRight = this.#rows?.rows === rows && this.#rows.capacity >= capacity;
    const mayChange = !members.some(({ isAmidPosition }) => isAmidPosition);
    if (this.#rows !== undefined && (isRight || !mayChange)) return this.#rows;
    for (const member of members) this.#stand(member);
    this.#dropRows();
    this.#rows = new RowBatch(this.#weights, { rows, capacity, streamOff: this.#isStreamOff });
    return this.#rows;
  }

  #dropRows(): void {
    this.#rows?.dispose();
    this.#rows = undefined;
  }

  /** The row of somebody who does not ask, if there is one. */
  #vacated(): number | undefined {
    const idle = [...this.#members].find(
      ({ row, question, isAmidPosition }) => row !== undefined && question === undefined && !isAmidPosition,
    );
    const row = idle?.row;
    if (idle !== undefined) this.#stand(idle);
    return row;
  }

  /** Takes a member's row back, and puts what it has read into its caches. */
  #stand(member: BatchMember): void {
    const { row, caches } = member;
    if (row === undefined) return;
    member.row = undefined;
    if (caches.isDisposed) this.#rows?.drop(row);
    else this.#rows?.leave(row, caches);
  }

  #settle({ row }: BatchMember): void {
    if (row === undefined) throw new SstError("disposed", "the batch was disposed of");
    this.#rows?.settle(row);
    this.#stir();
  }

  #leave(member: BatchMember): void {
    this.#members.delete(member);
    if (this.#isDisposed) return;
    this.#stand(member);
    if (this.#members.size === 0) this.#dropRows();
    this.#stir();
  }
}
