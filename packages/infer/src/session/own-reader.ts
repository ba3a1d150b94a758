/** Reads the positions of one session by itself: by a plan of all iterations where their number is known beforehand. */
import { DecodeStep, headFlops, type ModelWeights, positionFlops, tokenTensor } from "@sst/layers";
import { type Deliberation, type PositionView, plannedIterations } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import type { Deliberated, PositionReader } from "./position-reader.js";
import { RowReader } from "./row-reader.js";
import type { SessionCaches } from "./session-caches.js";

export class OwnReader implements PositionReader {
  #step: { readonly step: DecodeStep; readonly iterations: number } | undefined;
  #row: RowReader | undefined;
  #flops = 0;

  constructor(
    private readonly weights: ModelWeights,
    private readonly caches: SessionCaches,
    private readonly streamOff: boolean,
  ) {}

  get flops(): number {
    return this.#flops + (this.#row?.flops ?? 0);
  }

  async *read(
    token: number,
    deliberation: Deliberation,
    maximum: number,
    isFirstGenerated: boolean,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const at: PositionView = { position: this.#length, isFirstGenerated };
    const planned = this.streamOff ? 1 : await plannedIterations(deliberation, at, maximum);
    if (planned === undefined || this.#length === 0) {
      this.#giveStepBack();
      this.#row ??= new RowReader(this.weights, this.caches, this.streamOff);
      return yield* this.#row.read(token, deliberation, at, maximum, planned);
    }
    this.#giveRowBack();
    const tokens = tokenTensor([[token]], this.weights.config);
    try {
      const logits = (await take(this.#stepFor(planned).run(tokens))) as Float32Array;
      this.#flops += positionFlops(this.weights.config, at.position + 1, planned, this.streamOff);
      this.#flops += headFlops(this.weights.config);
      return { logits, iterations: planned };
    } finally {
      tokens.dispose();
    }
  }

  /** The caches are free again. */
  dispose(): void {
    this.#giveStepBack();
    this.#giveRowBack();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Positions that were read. */
  get #length(): number {
    return this.#row?.length ?? this.caches.kv.length;
  }

  #stepFor(iterations: number): DecodeStep {
    if (this.#step?.iterations === iterations) return this.#step.step;
    this.#giveStepBack();
    const step = new DecodeStep(this.weights, this.caches, { iterations, streamOff: this.streamOff });
    this.#step = { step, iterations };
    return step;
  }

  #giveStepBack(): void {
    this.#step?.step.dispose();
    this.#step = undefined;
  }

  #giveRowBack(): void {
    this.#flops += this.#row?.flops ?? 0;
    this.#row?.dispose();
    this.#row = undefined;
  }
}
