/**
 * Reads positions of one session iteration by iteration, for a policy that looks on: each is a run of a recorded plan, which has the
 * session's caches in the meantime.
 */
import { headFlops, type ModelWeights, positionFlops, RowBatch } from "@sst/layers";
import type { Deliberation, PositionView } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import { counted, LookedAtRow } from "./looked-at-row.js";
import { type Deliberated, deliberate, type LookedAt } from "./position-reader.js";
import type { SessionCaches } from "./session-caches.js";

const ROW = 0;

export class RowReader implements Disposable {
  readonly #rows: RowBatch;
  #flops = 0;
  #seen: LookedAtRow | undefined;

  /** The caches are borrowed until this is disposed of. */
  constructor(
    private readonly weights: ModelWeights,
    caches: SessionCaches,
    private readonly streamOff: boolean,
  ) {
    this.#rows = RowBatch.borrowing(weights, caches, { streamOff });
  }

  get flops(): number {
    return this.#flops;
  }

  /** Positions that were read. */
  get length(): number {
    return this.#rows.lengthOf(ROW);
  }

  async *read(
    token: number,
    deliberation: Deliberation,
    maximum: number,
    isFirstGenerated: boolean,
    planned: number | undefined,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const at: PositionView = { position: this.length, isFirstGenerated };
    let iterated = 0;
    const iterate = async (wantsLogits: boolean) => {
      const looked = await this.#iterate(token, wantsLogits);
      iterated++;
      return looked;
    };
    try {
      const deliberated = yield* deliberate(iterate, deliberation, at, maximum, planned);
      this.#rows.settle(ROW);
      return deliberated;
    } finally {
      const { config } = this.weights;
      if (iterated > 0) this.#flops += positionFlops(config, at.position + 1, iterated, this.streamOff);
    }
  }

  dispose(): void {
    this.#seen?.[Symbol.dispose]();
    this.#rows.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #iterate(token: number, wantsLogits: boolean): Promise<LookedAt> {
    this.#seen?.[Symbol.dispose]();
    this.#seen = undefined;
    const { logits, top } = this.#rows.iterate(new Map([[ROW, token]]), wantsLogits);
    if (logits === undefined) {
      this.#seen = new LookedAtRow(this.#rows, ROW, this.weights, { top });
    } else {
      top.dispose();
      this.#seen = new LookedAtRow(this.#rows, ROW, this.weights, { logits: (await take(logits)) as Float32Array });
    }
    return counted(this.#seen, () => {
      this.#flops += headFlops(this.weights.config);
    });
  }
}
