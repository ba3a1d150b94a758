/**
 * Decoding as a recorded plan: one position after the other, with the caches carried from run to run, so that a token costs
 * a call and no JavaScript per operation where the backend compiles plans, and the bits of `forward` everywhere.
 */
import { argMax, cast, compile, concat, SstError, sum, type Tensor, tidy } from "@sst/tensor";
import { type KvCache, writeRows } from "./caches/kv-cache.js";
import type { LatentStateCache } from "./caches/latent-state-cache.js";
import type { CachedTensors, DecodeOutputs, DecodePlan } from "./decode-plans.js";
import { forwardPass } from "./forward.js";
import { type ForwardOptions, type ForwardPlan, type PassCaches, planForward } from "./forward-options.js";
import type { ModelWeights } from "./weights.js";

export interface DecodeCaches {
  readonly kv: KvCache;
  readonly states: LatentStateCache;
}

export interface DecodeOptions extends Pick<ForwardOptions, "iterations" | "streamOff"> {
  /**
   * What a step gives: `"logits"` (the default), or `"likeliest"`, as `likeliestOf`. Then it also goes on from that token, which never
   * has to leave the device.
   */
  readonly gives?: "logits" | "likeliest";
}

export class DecodeStep implements Disposable {
  readonly #forwardPlan: ForwardPlan;
  /** Of all plans of the model those that are alike. */
  readonly #key: string;
  #plan: DecodePlan | undefined;
  /** Of the last run, where it gave something else. */
  #logits: Tensor | undefined;
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
    this.#key = [batchSize, capacity, solver, iterations, this.#isGreedy].join("/");
  }

  /**
   * Logits `[batch, 1, vocabSize]`, or the likeliest tokens with the sums of logits, `[batch, 2]`, after one more position. The result
   * is the caller's. Where it throws, the caches are as they were.
   *
   * @param tokens of that position, `[batch, 1]` int32: in every run, or in the first one of a step that gives the likeliest and
   * goes on from them
   * @throws SstError `contradiction` for caches that hold nothing, or are another step's, and for tokens that are missing or
   * too many; `context-overflow`; `shape-mismatch`; `wrong-backend`, `device-lost`, `disposed`
   */
  run(tokens?: Tensor): Tensor {
    if (this.#isDisposed) throw new SstError("disposed", "the decode step was disposed of");
    const { kv } = this.caches;
    kv.requireRoom(1);
    this.#requireTokens(tokens);
    const { logits, likeliest } =
      this.#plan === undefined ? this.#begin(tokens as Tensor) : this.#runPlan(this.#plan, tokens);
    kv.advance(1);
    if (!this.#isGreedy) return logits;
    this.#logits?.dispose();
    this.#logits = logits;
    return likeliest;
  }

  /** The logits that the likeliest token was chosen by in the last run, `[batch, 1, vocabSize]`: the step's, until the next one. */
  get logits(): Tensor | undefined {
    return this.#logits;
  }

  /** Gives the caches back, with all positions that were read: `forward` or another step may go on with them. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#logits?.dispose();
    if (this.#plan === undefined) return;
    const carried = this.#plan.release();
    if (this.#isGreedy) carried.tokens?.dispose();
    this.#giveBack(carried);
    this.weights.plans.giveBack(this.#key, this.#plan);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get #isGreedy(): boolean {
    return this.options.gives === "likeliest";
  }

  #runPlan(plan: DecodePlan, tokens: Tensor | undefined): DecodeOutputs {
    const { length } = this.caches.kv;
    const variables = {
      "rotaryEmbedding.offset": length,
      "causalAttention.pastLength": length,
      "cacheWrite.offset": length,
    };
    return plan.run(tokens === undefined ? {} : { tokens }, variables);
  }

  /** The first run: of a plan that is there, or the recording of one. */
  #begin(tokens: Tensor): DecodeOutputs {
    this.#requirePrompt();
    const known = this.weights.plans.take(this.#key);
    const borrowed = this.#borrow();
    const carried: CachedTensors = this.#isGreedy ? { tokens: tokens.clone(), ...borrowed } : borrowed;
    try {
      if (known === undefined) {
        this.#plan = this.#record(tokens, carried);
        return this.#plan.first;
      }
      known.takeOver(carried);
    } catch (error) {
      known?.dispose();
      carried.tokens?.dispose();
      this.#giveBack(borrowed);
      throw error;
    }
    this.#plan = known;
    return this.#runPlan(known, this.#isGreedy ? undefined : tokens);
  }

  #record(tokens: Tensor, carried: CachedTensors): DecodePlan {
    const step = ({ tokens: given, ...cached }: CachedTensors): Record<string, Tensor> => {
      const { caches, left } = carriedCaches(cached, this.caches.kv);
      const logits = forwardPass(this.weights, given as Tensor, this.#forwardPlan, { caches });
      if (!this.#isGreedy) return { logits, ...left };
      const tokens = argMax(logits, -1) as Tensor;
      return { logits, likeliest: besideSums(tokens, logits), tokens, ...left };
    };
    const plan = compile<string, string, string>(step, { tokens, ...carried }, { carries: Object.keys(carried) });
    // Which names are carried, and so are no outputs, is known at run time alone.
    return plan as unknown as DecodePlan;
  }

  #requireTokens(tokens: Tensor | undefined): void {
    const isWanted = this.#plan === undefined || !this.#isGreedy;
    if (tokens === undefined && isWanted) {
      throw new SstError("contradiction", "the step has no token to go on from: give `run` the one of each row");
    }
    if (tokens === undefined) return;
    if (!isWanted) {
      throw new SstError(
        "contradiction",
        "a step that gives the likeliest tokens goes on from those: leave out the tokens after the first run",
      );
    }
    const [{ shape }, { batchSize }] = [tokens, this.caches.kv];
    if (shape.length === 2 && shape[0] === batchSize && shape[1] === 1) return;
    throw new SstError("shape-mismatch", `a step's tokens should be [${batchSize},1], but are [${shape}]`);
  }

  #requirePrompt(): void {
    const { kv, states } = this.caches;
    if (kv.length > 0 && states.isFilled) return;
    throw new SstError("contradiction", "the caches hold nothing: read the prompt with `forward` before decoding");
  }

  #borrow(): CachedTensors {
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

  #giveBack(carried: CachedTensors): void {
    const { kv, states } = this.caches;
    const ofLayers = (name: (layer: number) => string) =>
      this.weights.layers.map((_, layer) => carried[name(layer)] as Tensor);
    kv.takeBack(
      ofLayers((layer) => `keys${layer}`),
      ofLayers((layer) => `values${layer}`),
    );
    states.takeBack(ofLayers((layer) => `state${layer}`));
  }
}

/**
 * The first of the likeliest tokens, and the sum of all logits, which is finite where every logit is: `[batch, 2]`, for the last
 * position of logits `[batch, 1, vocabSize]`. So who reads two numbers of a text back knows as well whether the model has broken down.
 */
export function likeliestOf(logits: Tensor): Tensor {
  return tidy(() => besideSums(argMax(logits, -1) as Tensor, logits));
}

function besideSums(tokens: Tensor, logits: Tensor): Tensor {
  return concat([cast(tokens, "float32"), sum(logits, -1) as Tensor], 1);
}

/** Carried tensors as the caches of a pass, and what that leaves of them. */
function carriedCaches(
  carried: CachedTensors,
  { length, capacity }: KvCache,
): { readonly caches: PassCaches; readonly left: Record<string, Tensor> } {
  const left: Record<string, Tensor> = { ...carried };
  const keys = (layer: number) => left[`keys${layer}`] as Tensor;
  const values = (layer: number) => left[`values${layer}`] as Tensor;
  const caches: PassCaches = {
    kv: {
      length,
      capacity,
      keys,
      values,
      // A step is one position, so nothing of it lies ahead.
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
