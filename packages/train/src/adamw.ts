/** AdamW over the named tensors of a model, with its own rate and decay for each parameter. */

import type { DecoderModel } from "@sst/layers";
import { adamwUpdate, keep, type Tensor, zerosLike } from "@sst/tensor";

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** What one parameter is updated with. */
export interface ParameterRates {
  /** Its rate as a multiple of the learning rate. */
  readonly rateFactor: number;
  readonly weightDecay: number;
}

/** The running means of a parameter's gradient and of its square. */
export interface Moments {
  readonly m: Tensor;
  readonly v: Tensor;
}

export class AdamW implements Disposable {
  readonly #moments = new Map<string, Moments>();
  #step = 0;

  constructor(private readonly options: AdamWOptions) {}

  /** By parameter name. The tensors stay the optimiser's. */
  get moments(): ReadonlyMap<string, Moments> {
    return this.#moments;
  }

  /** Puts the optimiser where it was after `step` steps. It owns the tensors that it is given. */
  restore(step: number, moments: Readonly<Record<string, Moments>>): void {
    this.dispose();
    this.#step = step;
    for (const [name, each] of Object.entries(moments)) this.#moments.set(name, each);
  }

  /**
   * Updates the model with gradients by parameter name, each multiplied by `scale` (`[1]`) first. Where that is not
   * finite nothing changes.
   */
  update(
    model: DecoderModel,
    gradients: Readonly<Record<string, Tensor>>,
    scale: Tensor,
    learningRate: number,
    ratesOf: (name: string) => ParameterRates,
  ): void {
    this.#step++;
    for (const [name, gradient] of Object.entries(gradients)) {
      const parameter = model.tensor(name);
      const { m, v } = this.#moments.get(name) ?? { m: zerosLike(parameter), v: zerosLike(parameter) };
      const attributes = { ...this.options, ...ratesOf(name), learningRate, step: this.#step };
      const next = adamwUpdate({ parameter, gradient, m, v, scale }, attributes);
      m.dispose();
      v.dispose();
      this.#moments.set(name, { m: keep(next.m), v: keep(next.v) });
      model.replace(name, keep(next.parameter));
    }
  }

  dispose(): void {
    for (const { m, v } of this.#moments.values()) {
      m.dispose();
      v.dispose();
    }
    this.#moments.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
