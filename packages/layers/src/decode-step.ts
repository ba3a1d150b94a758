/**
 * Decoding as a recorded plan: one position after the other, with the caches carried from run to run, so that a token costs
 * a call and no JavaScript per operation where the backend compiles plans, and the bits of `forward` everywhere.
 */
import { argMax, compile, SstError, type Tensor } from "@sst/tensor";
import { type KvCache, writeRows } from "./caches/kv-cache.js";
import type { LatentStateCache } from "./caches/latent-state-cache.js";
import type { Carried, CarriedTensors, DecodePlan } from "./decode-plans.js";
import { forwardPass } from "./forward.js";
import { type ForwardOptions, type ForwardPlan, type PassCaches, planForward } from "./forward-options.js";
import type { ModelWeights } from "./weights.js";

export interface DecodeCaches {
  readonly kv: KvCache;
  readonly states: LatentStateCache;
}

export interface DecodeOptions extends Pick<ForwardOptions, "iterations" | "streamOff"> {
  /** What a step gives: `"logits"` (the default), or the first of the likeliest tokens, which then stays a matter of the device. */
  readonly gives?: "logits" | "likeliest";
}

export class DecodeStep implements Disposable {
  readonly #forwardPlan: ForwardPlan;
  /** Of all plans of the model those that are alike. */
  readonly #key: string;
  #plan: DecodePlan | undefined;
  #isDisposed = false;

  /**
   * Nothing is recorded before the first `run`, nor anything borrowed.
   *
   * @param weights as they are at the first `run`; not needed afterwards
   * @param caches that hold a prompt; from the first `run` until `dispose` they are the step's, and reading them is
   * refused as a `contradiction`
   * @throws SstError `contradiction` or `invalid-argument` for options that do not fit together
   */
  constructor(
    private readonly weights: ModelWeights,
    private readonly caches: DecodeCaches,
    private readonly options: DecodeOptions = {},
  ) {
    this.#forwardPlan = planForward(weights.config, options);
    const { batchSize, capacity } = caches.kv;
    const { solver, iterations } = this.#forwardPlan;
    this.#key = [batchSize, capacity, solver, iterations, options.gives].join("/");
  }

  /**
   * Logits `[batch, 1, vocabSize]`, or the likeliest tokens `[batch, 1]` (int32), for the token of one more position, `[batch, 1]`
   * int32. The result is the caller's. Where it throws, the caches are as they were.
   *
   * @throws SstError `contradiction` for caches that hold nothing, or are another step's; `context-overflow`;
   * `shape-mismatch`; `wrong-backend`, `device-lost`, `disposed`
   */
  run(tokens: Tensor): Tensor {
    if (this.#isDisposed) throw new SstError("disposed", "the decode step was disposed of");
    const { kv } = this.caches;
    kv.requireRoom(1);
    const { chosen } = this.#plan === undefined ? this.#begin(tokens) : this.#plan.run({ tokens }, this.#variables());
    kv.advance(1);
    return chosen;
  }

  /** Gives the caches back, with all positions that were read: `forward` or another step may go on with them. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.#plan === undefined) return;
    this.#giveBack(this.#plan.release());
    this.weights.plans.giveBack(this.#key, this.#plan);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #variables(): Record<string, number> {
    const { length } = this.caches.kv;
    return { "rotaryEmbedding.offset": length, "causalAttention.pastLength": length, "cacheWrite.offset": length };
  }

  /** The first run: of a plan that is there, or the recording of one. */
  #begin(tokens: Tensor): Readonly<Record<"chosen", Tensor>> {
    this.#requirePrompt();
    this.#requireOneEach(tokens);
    const known = this.weights.plans.take(this.#key);
    const borrowed = this.#borrow();
    try {
      if (known === undefined) {
        this.#plan = this.#record(tokens, borrowed);
        return this.#plan.first;
      }
      known.takeOver(borrowed);
    } catch (error) {
      known?.dispose();
      this.#giveBack(borrowed);
      throw error;
    }
    this.#plan = known;
    return known.run({ tokens }, this.#variables());
  }

  #record(tokens: Tensor, borrowed: CarriedTensors): DecodePlan {
    const step = (inputs: Readonly<Record<"tokens" | Carried, Tensor>>) => {
      const { tokens: given, ...carried } = inputs;
      const { caches, left } = carriedCaches(carried, this.caches.kv);
      const logits = forwardPass(this.weights, given, this.#forwardPlan, { caches });
      return { chosen: this.options.gives === "likeliest" ? (argMax(logits, -1) as Tensor) : logits, ...left };
    };
    return compile<"tokens" | Carried, "chosen" | Carried, Carried>(
      step,
      { tokens, ...borrowed },
      { carries: Object.keys(borrowed) as Carried[] },
    );
  }

  #requirePrompt(): void {
    const { kv, states } = this.caches;
    if (kv.length > 0 && states.isFilled) return;
    throw new SstError("contradiction", "the caches hold nothing: read the prompt with `forward` before decoding");
  }

  #requireOneEach({ shape }: Tensor): void {
    const { batchSize } = this.caches.kv;
    if (shape.length === 2 && shape[0] === batchSize && shape[1] === 1) return;
    throw new SstError("shape-mismatch", `a step's tokens should be [${batchSize},1], but are [${shape}]`);
  }

  #borrow(): CarriedTensors {
    const { kv, states } = this.caches;
    const { keys, values } = kv.lend();
    try {
      const ofLayers = states.lend().map((state, layer) => ({
        [`keys${layer}`]: keys[layer] as Tensor,
        [`values${layer}`]: values[layer] as Tensor,
        [`state${layer}`]: state,
      }));
      return Object.assign({}, ...ofLayers);
    } catch (error) {
      kv.takeBack(keys, values);
      throw error;
    }
  }

  #giveBack(carried: CarriedTensors): void {
    const { kv, states } = this.caches;
    const ofLayers = (name: (layer: number) => Carried) =>
      this.weights.layers.map((_, layer) => carried[name(layer)] as Tensor);
    kv.takeBack(
      ofLayers((layer) => `keys${layer}`),
      ofLayers((layer) => `values${layer}`),
    );
    states.takeBack(ofLayers((layer) => `state${layer}`));
  }
}

/** Carried tensors as the caches of a pass, and what that leaves of them. */
function carriedCaches(
  carried: CarriedTensors,
  { length, capacity }: KvCache,
): { readonly caches: PassCaches; readonly left: Record<Carried, Tensor> } {
  const left: Record<Carried, Tensor> = { ...carried };
  const keys = (layer: number) => left[`keys${layer}`] as Tensor;
  const values = (layer: number) => left[`values${layer}`] as Tensor;
  const caches: PassCaches = {
    kv: {
      length,
      capacity,
      keys,
      values,
      write: (layer, newKeys, newValues) => {
        left[`keys${layer}`] = writeRows(keys(layer), newKeys, length);
        left[`values${layer}`] = writeRows(values(layer), newValues, length);
      },
    },
    states: {
      isFilled: true,
      state: (layer) => left[`state${layer}`] as Tensor,
      write: (layer, state) => {
        left[`state${layer}`] = state;
      },
    },
  };
  return { caches, left };
}
