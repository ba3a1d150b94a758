/** Reads the positions of one session by itself. */
import { DecodeStep, type Iterated, iteratePosition, type ModelWeights, tokenTensor } from "@sst/layers";
import type { Tensor } from "@sst/tensor";
import { type Deliberation, type PositionView, plannedIterations } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import { type Deliberated, deliberate, type LookedAt, type PositionReader } from "./position-reader.js";
import type { SessionCaches } from "./session-caches.js";

export class OwnReader implements PositionReader {
  #step: { readonly step: DecodeStep; readonly iterations: number } | undefined;

  constructor(
    private readonly weights: ModelWeights,
    private readonly caches: SessionCaches,
    private readonly streamOff: boolean,
  ) {}

  async *read(
    token: number,
    deliberation: Deliberation,
    maximum: number,
    isFirstGenerated: boolean,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const { kv } = this.caches;
    const at: PositionView = { position: kv.length, isFirstGenerated };
    const planned = this.streamOff ? 1 : await plannedIterations(deliberation, at, maximum);
    const tokens = tokenTensor([[token]], this.weights.config);
    try {
      if (planned !== undefined && kv.length > 0) {
        return { logits: (await take(this.#stepFor(planned).run(tokens))) as Float32Array, iterations: planned };
      }
      this.#giveBack();
      const deliberated = yield* this.#iterate(tokens, deliberation, at, maximum, planned);
      kv.advance(1);
      return deliberated;
    } finally {
      tokens.dispose();
    }
  }

  /** The caches are free again. */
  dispose(): void {
    this.#giveBack();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #stepFor(iterations: number): DecodeStep {
    if (this.#step?.iterations === iterations) return this.#step.step;
    this.#giveBack();
    const step = new DecodeStep(this.weights, this.caches, { iterations, streamOff: this.streamOff });
    this.#step = { step, iterations };
    return step;
  }

  #giveBack(): void {
    this.#step?.step.dispose();
    this.#step = undefined;
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
    let last: Iterated | undefined;
    const iterate = async () => {
      const next = iteratePosition(weights, tokens, caches, { before: last?.top, streamOff });
      disposeOf(last);
      last = next;
      return this.#lookedAt(next);
    };
    try {
      const deliberated = yield* deliberate(iterate, deliberation, at, maximum, planned);
      isRead = true;
      return deliberated;
    } finally {
      disposeOf(last);
      // A position that does not count must not have moved the states.
      if (isRead) for (const state of before.states) state.dispose();
      else caches.restoreStates(before);
    }
  }

  #lookedAt({ logits }: Iterated): LookedAt {
    const { states } = this.caches;
    const ofLayer = async (layer: number) => (await states.state(layer).data()) as Float32Array;
    return {
      logits: async () => (await logits.data()) as Float32Array,
      states: () => Promise.all(this.weights.layers.map((_, layer) => ofLayer(layer))),
    };
  }
}

function disposeOf(iterated: Iterated | undefined): void {
  iterated?.logits.dispose();
  iterated?.top.dispose();
}
