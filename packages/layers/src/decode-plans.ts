/**
 * Plans of decoded tokens that nobody uses at the moment, kept with the model: recording one costs as much as many tokens of
 * a small model, and the next generation needs the same.
 */
import type { CompiledPlan, Tensor } from "@sst/tensor";

/** One of each a layer. */
export type Carried = `keys${number}` | `values${number}` | `state${number}`;

export type DecodePlan = CompiledPlan<"tokens", "chosen", Carried>;

export type CarriedTensors = Readonly<Record<Carried, Tensor>>;

/** Plans that are kept at rest; the one used longest ago goes. */
const KEPT_PLANS = 4;

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
