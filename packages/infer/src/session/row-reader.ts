/**
 * Reads positions of one session iteration by iteration, for a policy that looks on: each is a run of a recorded plan, which has the
 * session's caches in the meantime.
 */
import { type ModelWeights, RowBatch } from "@sst/layers";
import type { Deliberation, PositionView } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import type { Deliberated } from "./position-reader.js";
import { type Left, RowPositions } from "./row-positions.js";
import type { SessionCaches } from "./session-caches.js";

const ROW = 0;

export class RowReader implements Disposable {
  readonly #rows: RowBatch;
  readonly #positions: RowPositions;

  /** The caches are borrowed until this is disposed of. */
  constructor(weights: ModelWeights, caches: SessionCaches, streamOff: boolean) {
    const rows = RowBatch.borrowing(weights, caches, { streamOff });
    this.#rows = rows;
    this.#positions = new RowPositions(weights, streamOff, () => ({ rows, row: ROW }));
  }

  get flops(): number {
    return this.#positions.flops;
  }

  /** Positions that were read. */
  get length(): number {
    return this.#rows.lengthOf(ROW);
  }

  async *read(
    token: number,
    deliberation: Deliberation,
    at: PositionView,
    maximum: number,
    planned: number | undefined,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const iterate = (wantsLogits: boolean) => this.#iterate(token, wantsLogits);
    const deliberated = yield* this.#positions.read(iterate, deliberation, at, maximum, planned);
    this.#rows.settle(ROW);
    return deliberated;
  }

  dispose(): void {
    this.#positions[Symbol.dispose]();
    this.#rows.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #iterate(token: number, wantsLogits: boolean): Promise<Left> {
    const { logits, top } = this.#rows.iterate(new Map([[ROW, token]]), wantsLogits);
    if (logits === undefined) return { top };
    top.dispose();
    return { logits: (await take(logits)) as Float32Array };
  }
}
