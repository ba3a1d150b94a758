/** A session's generation as a member of a batch: it asks for one iteration after the other, and gets them in the passes of all. */
import type { ModelWeights } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { type Deliberation, type PositionView, plannedIterations } from "../deliberation/policy.js";
import type { IterationEnd } from "./events.js";
import { OwnReader } from "./own-reader.js";
import type { Deliberated, PositionReader } from "./position-reader.js";
import { type Left, RowPositions, type Seat } from "./row-positions.js";
import type { SessionCaches } from "./session-caches.js";

/** What a member asks of its batch. */
export interface BatchHost {
  readonly weights: ModelWeights;
  /** Whether nobody else generates. @throws SstError `disposed` */
  isAlone(): boolean;
  /** Puts what the member has read into its caches. */
  stand(member: BatchMember): void;
  /** There is a member that asks, or a row that can be had. */
  stir(): void;
  leave(member: BatchMember): void;
}

/** An iteration that a member waits for. */
export interface Question {
  readonly token: number;
  readonly wantsLogits: boolean;
  readonly answer: (left: Left) => void;
  readonly refuse: (error: unknown) => void;
}

export interface MemberOptions {
  readonly streamOff: boolean;
  /** Ends its waiting for a row. */
  readonly signal: AbortSignal | undefined;
}

export class BatchMember implements PositionReader {
  /** Where what it has read is, unless it is in its caches. */
  seat: Seat | undefined;
  /** Passes that it has had since it was given its row. */
  passes = 0;
  #question: Question | undefined;
  #position: number;
  #isAmidPosition = false;
  readonly #positions: RowPositions;
  /** Of positions that were read alone. */
  #ownFlops = 0;
  /** Reads while nobody else generates: iterations that are known beforehand run in one pass there. */
  #own: OwnReader | undefined;

  constructor(
    readonly caches: SessionCaches,
    private readonly host: BatchHost,
    private readonly options: MemberOptions,
  ) {
    this.#position = caches.kv.length;
    this.#positions = new RowPositions(host.weights, options.streamOff, () => this.seat);
  }

  get flops(): number {
    return this.#positions.flops + this.#ownFlops + (this.#own?.flops ?? 0);
  }

  /** What it waits for, if it does. */
  get question(): Question | undefined {
    return this.#question;
  }

  /** Whether it has had an iteration at a position that does not count yet, which its caches could not take in. */
  get isAmidPosition(): boolean {
    return this.#isAmidPosition;
  }

  async *read(
    token: number,
    deliberation: Deliberation,
    maximum: number,
    isFirstGenerated: boolean,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    if (this.host.isAlone()) {
      this.host.stand(this);
      this.#own ??= new OwnReader(this.host.weights, this.caches, this.options.streamOff);
      return yield* this.#own.read(token, deliberation, maximum, isFirstGenerated);
    }
    this.#giveBack();
    const at: PositionView = { position: this.#position, isFirstGenerated };
    const planned = this.options.streamOff ? 1 : await plannedIterations(deliberation, at, maximum);
    const iterate = (wantsLogits: boolean) => this.#iterate(token, wantsLogits);
    const deliberated = yield* this.#positions.read(iterate, deliberation, at, maximum, planned);
    if (this.seat === undefined) throw new SstError("disposed", "the session or its batch was disposed of");
    this.#isAmidPosition = false;
    this.seat.rows.settle(this.seat.row);
    this.#position++;
    this.host.stir();
    return deliberated;
  }

  dispose(): void {
    this.#positions[Symbol.dispose]();
    this.#giveBack();
    this.host.leave(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The caches are to be had again. */
  #giveBack(): void {
    if (this.#own === undefined) return;
    this.#ownFlops += this.#own.flops;
    this.#own.dispose();
    this.#own = undefined;
    this.#position = this.caches.kv.length;
  }

  #iterate(token: number, wantsLogits: boolean): Promise<Left> {
    const { signal } = this.options;
    return new Promise<Left>((resolve, reject) => {
      const settle = (then: () => void) => {
        this.#question = undefined;
        signal?.removeEventListener("abort", abort);
        then();
      };
      const question: Question = {
        token,
        wantsLogits,
        answer: (left) =>
          settle(() => {
            this.#isAmidPosition = true;
            this.passes++;
            resolve(left);
          }),
        refuse: (error) => settle(() => reject(error)),
      };
      // With a row the answer is on its way.
      const abort = () => {
        if (this.seat === undefined) question.refuse(signal?.reason);
      };
      signal?.addEventListener("abort", abort);
      this.#question = question;
      this.host.stir();
    });
  }
}
