/** A session's generation as a member of a batch: it asks for one iteration after the other, and gets them in the passes of all. */
import { headFlops, type ModelWeights, positionFlops } from "@sst/layers";
import { type Deliberation, type PositionView, plannedIterations } from "../deliberation/policy.js";
import type { IterationEnd } from "./events.js";
import { counted, type LookedAtRow } from "./looked-at-row.js";
import { OwnReader } from "./own-reader.js";
import { type Deliberated, deliberate, type LookedAt, type PositionReader } from "./position-reader.js";
import type { SessionCaches } from "./session-caches.js";

/** What a member asks of its batch. */
export interface BatchHost {
  readonly weights: ModelWeights;
  /** Whether nobody else generates. @throws SstError `disposed` */
  isAlone(): boolean;
  /** Puts what the member's row has read into its caches. */
  stand(member: BatchMember): void;
  /** There is a member that asks, or a row that can be had. */
  stir(): void;
  settle(member: BatchMember): void;
  leave(member: BatchMember): void;
}

interface Question {
  readonly token: number;
  readonly wantsLogits: boolean;
  readonly answer: (looked: LookedAtRow) => void;
  readonly refuse: (error: unknown) => void;
}

export class BatchMember implements PositionReader {
  /** Where its contents are, unless they are in its caches. */
  row: number | undefined;
  #question: Question | undefined;
  #position: number;
  #isAmidPosition = false;
  #flops = 0;
  #seen: LookedAtRow | undefined;
  /** Reads while nobody else generates: iterations that are known beforehand run in one pass there. */
  #own: OwnReader | undefined;

  constructor(
    readonly caches: SessionCaches,
    private readonly isStreamOff: boolean,
    private readonly host: BatchHost,
  ) {
    this.#position = caches.kv.length;
  }

  get flops(): number {
    return this.#flops;
  }

  /** What it waits for, if it does. */
  get question(): Question | undefined {
    return this.#question;
  }

  /** Whether it has had an iteration at a position that does not count yet: then its row cannot be taken. */
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
      this.#own ??= new OwnReader(this.host.weights, this.caches, this.isStreamOff);
      const before = this.#own.flops;
      try {
        return yield* this.#own.read(token, deliberation, maximum, isFirstGenerated);
      } finally {
        this.#flops += this.#own.flops - before;
      }
    }
    this.#giveBack();
    const at: PositionView = { position: this.#position, isFirstGenerated };
    const planned = this.isStreamOff ? 1 : await plannedIterations(deliberation, at, maximum);
    let iterated = 0;
    const iterate = async (wantsLogits: boolean) => {
      const looked = await this.#iterate(token, wantsLogits);
      iterated++;
      return looked;
    };
    let deliberated: Deliberated;
    try {
      deliberated = yield* deliberate(iterate, deliberation, at, maximum, planned);
    } finally {
      const { config } = this.host.weights;
      if (iterated > 0) this.#flops += positionFlops(config, at.position + 1, iterated, this.isStreamOff);
    }
    this.#isAmidPosition = false;
    this.host.settle(this);
    this.#position++;
    return deliberated;
  }

  dispose(): void {
    this.#forget();
    this.#giveBack();
    this.host.leave(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The caches are to be had again. */
  #giveBack(): void {
    if (this.#own === undefined) return;
    this.#own.dispose();
    this.#own = undefined;
    this.#position = this.caches.kv.length;
  }

  async #iterate(token: number, wantsLogits: boolean): Promise<LookedAt> {
    this.#forget();
    this.#seen = await new Promise<LookedAtRow>((resolve, reject) => {
      this.#question = {
        token,
        wantsLogits,
        answer: (given) => {
          this.#question = undefined;
          this.#isAmidPosition = true;
          resolve(given);
        },
        refuse: (error) => {
          this.#question = undefined;
          reject(error);
        },
      };
      this.host.stir();
    });
    return counted(this.#seen, () => {
      this.#flops += headFlops(this.host.weights.config);
    });
  }

  #forget(): void {
    this.#seen?.[Symbol.dispose]();
    this.#seen = undefined;
  }
}
