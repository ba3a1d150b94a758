/** One position of a generation: as many iterations as its policy wants, and the logits after the last of them. */
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
import { type Deliberation, type IterationView, type PositionView, plannedIterations } from "../deliberation/policy.js";
import { take } from "../likeliest.js";
import type { IterationEnd } from "./events.js";
import type { SessionCaches } from "./session-caches.js";

export interface Deliberated {
  readonly logits: Float32Array;
  readonly iterations: number;
}

/** Reads positions, one after the other, into a session's caches. Between two calls nobody else may have the caches. */
export class PositionReader implements Disposable {
  #step: { readonly step: DecodeStep; readonly iterations: number } | undefined;
  #flops = 0;

  constructor(
    private readonly weights: ModelWeights,
    private readonly caches: SessionCaches,
    private readonly streamOff: boolean,
  ) {}

  /** Floating-point operations of all that it has run: `positionFlops`, and `headFlops` each time that logits were made. */
  get flops(): number {
    return this.#flops;
  }

  /** @throws what the policy throws; the position then does not count as read */
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
        const logits = (await take(this.#stepFor(planned).run(tokens))) as Float32Array;
        this.#countIterations(at, planned);
        this.#countHead();
        return { logits, iterations: planned };
      }
      this.#giveBack();
      const deliberated = yield* this.#iterate(tokens, deliberation, at, planned ?? maximum, planned !== undefined);
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
    isPlanned: boolean,
  ): AsyncGenerator<IterationEnd, Deliberated, void> {
    const { caches, streamOff, weights } = this;
    const needs = isPlanned ? {} : deliberation.needs(at);
    const before = caches.states.contents();
    let isRead = false;
    let seen: Seen = {};
    let top: Tensor | undefined;
    let iterated = 0;
    try {
      for (let iteration = 1; ; iteration++) {
        const next = iteratePosition(weights, tokens, caches, { before: top, streamOff });
        top?.dispose();
        top = next;
        iterated = iteration;
        const isLast = iteration === maximum;
        let now: Seen = {};
        let isEnough = isLast;
        if (!isPlanned) {
          yield { event: "iteration-end", position: at.position, iteration };
          if (!isLast) {
            now = await this.#look(top, needs);
            isEnough = await deliberation.stops({ ...at, iteration, ...now, ...asPrevious(seen) });
          }
          seen = now;
        }
        if (!isEnough) continue;
        const logits = now.logits ?? (await this.#logitsOf(top));
        isRead = true;
        return { logits, iterations: iteration };
      }
    } finally {
      top?.dispose();
      if (iterated > 0) this.#countIterations(at, iterated);
      // A position that does not count must not have moved the states.
      if (isRead) for (const state of before.states) state.dispose();
      else caches.restoreStates(before);
    }
  }

  async #look(top: Tensor, needs: { readonly states?: boolean; readonly logits?: boolean }): Promise<Seen> {
    const { states } = this.caches;
    const ofLayer = async (layer: number) => (await states.state(layer).data()) as Float32Array;
    const read = needs.states && (await Promise.all(this.weights.layers.map((_, layer) => ofLayer(layer))));
    return {
      ...(needs.logits && { logits: await this.#logitsOf(top) }),
      ...(read && { states: read }),
    };
  }

  async #logitsOf(top: Tensor): Promise<Float32Array> {
    this.#countHead();
    return (await take(tidy(() => head(top, this.weights)))) as Float32Array;
  }

  #countIterations({ position }: PositionView, iterations: number): void {
    this.#flops += positionFlops(this.weights.config, position + 1, iterations, this.streamOff);
  }

  #countHead(): void {
    this.#flops += headFlops(this.weights.config);
  }
}

type Seen = Pick<IterationView, "logits" | "states">;

function asPrevious({ logits, states }: Seen): Pick<IterationView, "previousLogits" | "previousStates"> {
  return { ...(logits && { previousLogits: logits }), ...(states && { previousStates: states }) };
}
