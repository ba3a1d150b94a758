/** Positions of one text that are read iteration by iteration, in a row of a batch: what is counted, and what is looked at. */
import { head, headFlops, type ModelWeights, positionFlops, type RowBatch } from "@sst/layers";
import { SstError, type Tensor, tidy } from "@sst/tensor";
import type { Deliberation, PositionView } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import { type Deliberated, deliberate, type LookedAt } from "./position-reader.js";

/** Where a text is. */
export interface Seat {
  readonly rows: RowBatch;
  readonly row: number;
}

/** What an iteration has left: logits where they were made, else what is at the top, `[1, 1, hiddenSize]`. */
export type Left = { readonly logits: Float32Array } | { readonly top: Tensor };

export class RowPositions implements Disposable {
  #flops = 0;
  #left: Left | undefined;

  /** @param seat where the text is now; it may be moved */
  constructor(
    private readonly weights: ModelWeights,
    private readonly streamOff: boolean,
    private readonly seat: () => Seat | undefined,
  ) {}

  /** As `PositionReader.flops`. */
  get flops(): number {
    return this.#flops;
  }

  /** @param iterate runs the next iteration, and says what it has left: this one's from then on */
  async *read(
    iterate: (wantsLogits: boolean) => Promise<Left>,
    deliberation: Deliberation,
    at: PositionView,
    maximum: number,
    planned: number | undefined,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    let iterated = 0;
    const next = async (wantsLogits: boolean) => {
      this.#forget();
      this.#left = await iterate(wantsLogits);
      iterated++;
      return this.#lookedAt(this.#left);
    };
    try {
      return yield* deliberate(next, deliberation, at, maximum, planned);
    } finally {
      const { config } = this.weights;
      if (iterated > 0) this.#flops += positionFlops(config, at.position + 1, iterated, this.streamOff);
    }
  }

  [Symbol.dispose](): void {
    this.#forget();
  }

  #lookedAt(left: Left): LookedAt {
    const { weights } = this;
    return {
      logits: async () => {
        this.#flops += headFlops(weights.config);
        if ("logits" in left) return left.logits;
        return (await take(tidy(() => head(left.top, weights)))) as Float32Array;
      },
      states: () => {
        const seat = this.seat();
        if (seat === undefined) throw new SstError("disposed", "the session or its batch was disposed of");
        const states = weights.layers.map((_, layer) => seat.rows.state(seat.row, layer));
        return Promise.all(states.map(async (state) => (await take(state)) as Float32Array));
      },
    };
  }

  #forget(): void {
    if (this.#left !== undefined && "top" in this.#left) this.#left.top.dispose();
    this.#left = undefined;
  }
}
