/** Reads the positions of one session by itself. */
import {
  DecodeStep,
  head,
  headFlops,
  iteratePosition,
  type ModelWeights,
  positionFlops,
  tokenTensor,
} from "@sst/layers";
import { type Tensor, tidy } from "@sst/tensor";
import { type Deliberation, type PositionView, plannedIterations } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import { type Deliberated, deliberate, type LookedAt, type PositionReader } from "./position-reader.js";
import { RowReader } from "./row-reader.js";
import type { SessionCaches } from "./session-caches.js";

export class OwnReader implements PositionReader {
  #step: { readonly step: DecodeStep; readonly iterations: number } | undefined;
  /** From the second position on that a policy looks on at: what a recorded plan needs does not pay for one. */
  #row: RowReader | undefined;
  #hasLooked = false;
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
    const { kv } = this.caches;
    const at: PositionView = { position: this.#row?.length ?? kv.length, isFirstGenerated };
    const planned = this.streamOff ? 1 : await plannedIterations(deliberation, at, maximum);
    if (planned === undefined && this.#hasLooked) {
      this.#giveStepBack();
      this.#row ??= new RowReader(this.weights, this.caches);
      return yield* this.#row.read(token, deliberation, maximum, isFirstGenerated);
    }
    this.#hasLooked = planned === undefined;
    this.#giveRowBack();
    const tokens = tokenTensor([[token]], this.weights.config);
    try {
      if (planned !== undefined && kv.length > 0) {
        const logits = (await take(this.#stepFor(planned).run(tokens))) as Float32Array;
        this.#countIterations(at, planned);
        this.#countHead();
        return { logits, iterations: planned };
      }
      this.#giveStepBack();
      const deliberated = yield* this.#iterate(tokens, deliberation, at, maximum, planned);
      kv.advance(1);
      return deliberated;
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

  async *#iterate(
    tokens: Tensor,
    deliberation: Deliberation,
    at: PositionView,
    maximum: number,
    planned: number | undefined,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const { caches, streamOff, weights } = this;
    const before = caches.states.contents();
    let isRead = false;
    let top: Tensor | undefined;
    let iterated = 0;
    const iterate = async () => {
      const next = iteratePosition(weights, tokens, caches, { before: top, streamOff });
      top?.dispose();
      top = next;
      iterated++;
      return this.#lookedAt(next);
    };
    try {
      const deliberated = yield* deliberate(iterate, deliberation, at, maximum, planned);
      isRead = true;
      return deliberated;
    } finally {
      top?.dispose();
      if (iterated > 0) this.#countIterations(at, iterated);
      // A position that does not count must not have moved the states.
      if (isRead) for (const state of before.states) state.dispose();
      else caches.restoreStates(before);
    }
  }

  #lookedAt(top: Tensor): LookedAt {
    const { caches, weights } = this;
    const ofLayer = async (layer: number) => (await caches.states.state(layer).data()) as Float32Array;
    return {
      logits: async () => {
        this.#countHead();
        return (await take(tidy(() => head(top, weights)))) as Float32Array;
      },
      states: () => Promise.all(weights.layers.map((_, layer) => ofLayer(layer))),
    };
  }

  #countIterations({ position }: PositionView, iterations: number): void {
    this.#flops += positionFlops(this.weights.config, position + 1, iterations, this.streamOff);
  }

  #countHead(): void {
    this.#flops += headFlops(this.weights.config);
  }
}
