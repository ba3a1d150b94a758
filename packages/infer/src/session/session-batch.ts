/**
 * Sessions that generate at the same time and share each pass through the model (ours): a pass reads the weights once for all of them.
 * They may be at different positions and iterations, come and go, and be as slow as they like: who does not ask for the next
 * position is not waited for.
 */
import { type DecoderModel, type ModelWeights, type RowBatch, requireCount } from "@sst/layers";
import { SstError, slice, turnOfTheLoop } from "@sst/tensor";
import { take } from "../likeliest.js";
import { type BatchHost, BatchMember, type MemberOptions, type Question } from "./batch-member.js";
import type { PositionReader } from "./position-reader.js";
import { Seating } from "./seating.js";
import type { SessionCaches } from "./session-caches.js";

export interface SessionBatchOptions {
  /**
   * How many sessions share a pass; more of them take turns. Defaults to 8, up to which the CPU reads weights where they lie; beyond, a
   * product packs them first.
   */
  readonly maximumRows?: number;
  /** For sessions that run the plain backbone. */
  readonly streamOff?: boolean;
}

interface Asked {
  readonly row: number;
  readonly question: Question;
}

/** Turns that a pass waits for sessions that are about to ask. */
const PATIENCE = 2;

export class SessionBatch implements Disposable {
  readonly #weights: ModelWeights;
  readonly #isStreamOff: boolean;
  /** Those that generate, who came first, first. */
  readonly #members = new Set<BatchMember>();
  readonly #seating: Seating;
  readonly #host: BatchHost;
  #isRunning = false;
  #isStirred = false;
  #isDisposed = false;

  /** @throws SstError `invalid-argument` */
  constructor(
    private readonly model: DecoderModel,
    { maximumRows = 8, streamOff = false }: SessionBatchOptions = {},
  ) {
    requireCount("maximumRows", maximumRows);
    this.#weights = model.weights();
    this.#isStreamOff = streamOff;
    this.#seating = new Seating(this.#weights, this.#members, { maximumRows, streamOff });
    this.#host = {
      weights: this.#weights,
      isAlone: () => this.#isAlone(),
      stand: (member) => this.#seating.stand(member),
      stir: () => this.#stir(),
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
  reader(model: DecoderModel, caches: SessionCaches, options: MemberOptions): PositionReader {
    this.requireFit(model, options.streamOff);
    const member = new BatchMember(caches, this.#host, options);
    this.#members.add(member);
    return member;
  }

  /** Sessions keep what they have read; those that still generate are refused their next position. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const member of this.#members) this.#seating.stand(member);
    this.#seating.dispose();
    this.#weights.dispose();
    this.#stir();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #requireThere(): void {
    if (this.#isDisposed) throw new SstError("disposed", "the batch was disposed of");
  }

  #isAlone(): boolean {
    this.#requireThere();
    return this.#members.size === 1;
  }

  /** Somebody asks, or something has changed that those who wait may have waited for. */
  #stir(): void {
    this.#isStirred = true;
    if (!this.#isRunning) void this.#run();
  }

  /** Passes, for as long as somebody asks. Errors are theirs who ask. */
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
    const asking = this.#asking();
    let waiting = asking.flatMap(({ question }) => question ?? []);
    try {
      this.#requireThere();
      if (asking.length === 0) return false;
      const rows = this.#seating.rowsFor(asking);
      const asked = asking.flatMap(({ seat, question }) =>
        seat?.rows === rows && question ? { row: seat.row, question } : [],
      );
      waiting = asked.map(({ question }) => question);
      if (asked.length > 0) await this.#iterate(rows, asked);
      return asked.length > 0;
    } catch (error) {
      for (const question of waiting) question.refuse(error);
      return false;
    }
  }

  async #iterate(rows: RowBatch, asked: readonly Asked[]): Promise<void> {
    const { logits, top } = rows.iterate(
      new Map(asked.map(({ row, question }) => [row, question.token])),
      asked.some(({ question }) => question.wantsLogits),
    );
    try {
      const all = logits && ((await take(logits)) as Float32Array);
      const { vocabSize, hiddenSize } = this.model.config;
      for (const { row, question } of asked) {
        question.answer(
          all
            ? { logits: all.subarray(row * vocabSize, (row + 1) * vocabSize) }
            : { top: slice(top, [row, 0, 0], [1, 1, hiddenSize]) },
        );
      }
    } finally {
      top.dispose();
    }
  }

  #asking(): BatchMember[] {
    return [...this.#members].filter(({ question }) => question !== undefined);
  }

  #leave(member: BatchMember): void {
    this.#members.delete(member);
    if (this.#isDisposed) return;
    this.#seating.stand(member);
    this.#stir();
  }
}
