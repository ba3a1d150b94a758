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

export class AdamW implements Disposable {
  readonly #moments = new Map<string, { m: Tensor; v: Tensor }>();
  #step = 0;

  constructor(private readonly options: AdamWOptions) {}

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
