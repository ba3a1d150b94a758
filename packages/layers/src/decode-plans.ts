/**
 * Plans of decoded tokens that nobody uses at the moment, kept with the model: recording one costs as much as many tokens of
 * a small model, and the next generation needs the same.
 */
import type { CompiledPlan, Tensor } from "@sst/tensor";

/** `keys0`, `values0`, `state0`, and so on for every layer. */
export type CachedTensors = Readonly<Record<string, Tensor>>;

/** Tokens come in at each run, or are carried beside the caches: then a run goes on from what the last one chose. */
export type DecodePlan = CompiledPlan<string, keyof DecodeOutputs, string>;

export interface DecodeOutputs {
  /** `[batch, 1, vocabSize]`. */
  readonly logits: Tensor;
  /** As `likeliestOf`, of plans that choose. */
  readonly likeliest: Tensor;
  /** What is left at the top of the model, `[batch, 1, hiddenSize]`, of plans that iterate. */
  readonly top: Tensor;
}

/** Plans that are kept at rest; the one used longest ago goes. */
const KEPT_PLANS = 8;

export class DecodePlans implements Disposable {
  /** The one used longest ago first. */
  #resting: { readonly key: string; readonly plan: DecodePlan }[] = [];
  #isDisposed = false;

  /** A plan that carries nothing, if there is one for what the key says. */
  take(key: string): DecodePlan | undefined {
    const index = this.#resting.findLastIndex((each) => each.key === key);
    return index < 0 ? undefined : this.#resting.splice(index, 1)[0]?.plan;
  }

  /** Takes a plan back whose carried tensors were released. */
  giveBack(key: string, plan: DecodePlan): void {
    if (this.#isDisposed) {
      plan.dispose();
      return;
    }
    this.#resting.push({ key, plan });
    if (this.#resting.length > KEPT_PLANS) this.#resting.shift()?.plan.dispose();
  }

  /** Those that are in use are disposed of when they come back. */
  dispose(): void {
    this.#isDisposed = true;
    for (const { plan } of this.#resting) plan.dispose();
    this.#resting = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
