/**
 * Reads positions of one session that a policy looks on at: an iteration is a recorded plan there, while the session's caches lie in a row of
 * its own.
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

  /** The caches are copied, and are right again once this is disposed of. */
  constructor(
    private readonly weights: ModelWeights,
    private readonly caches: SessionCaches,
  ) {
    this.#rows = new RowBatch(weights, { rows: 1, capacity: caches.capacity });
    this.#rows.join(ROW, caches);
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
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const at: PositionView = { position: this.length, isFirstGenerated };
    let iterated = 0;
    const iterate = async (wantsLogits: boolean) => {
      const looked = await this.#iterate(token, wantsLogits);
      iterated++;
      return looked;
    };
    try {
      const deliberated = yield* deliberate(iterate, deliberation, at, maximum, undefined);
      this.#rows.settle(ROW);
      return deliberated;
    } finally {
      const { config } = this.weights;
      if (iterated > 0) this.#flops += positionFlops(config, at.position + 1, iterated);
    }
  }

  dispose(): void {
    this.#seen?.[Symbol.dispose]();
    if (!this.caches.isDisposed) this.#rows.leave(ROW, this.caches);
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
