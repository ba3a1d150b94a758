/**
 * The latent state cache: one vector per layer, the state that the last position left (paper). Its size does not depend
 * on the context's length.
 */
import { keep, type Tensor, zeros } from "@sst/tensor";
import type { ModelConfig } from "../config.js";

export class LatentStateCache implements Disposable {
  readonly #states: Tensor[];
  #isFilled = false;

  constructor(
    config: ModelConfig,
    readonly batchSize: number,
  ) {
    this.#states = Array.from(
      { length: config.numHiddenLayers },
      () => keep(zeros([batchSize, config.hiddenSize])) as Tensor,
    );
  }

  /** Whether a position has left its states; before the first one there is nothing to blend. */
  get isFilled(): boolean {
    return this.#isFilled;
  }

  /** The state of one layer, `[batch, hiddenSize]`. */
  state(layer: number): Tensor {
    return this.#states[layer] as Tensor;
  }

  /** Takes over a layer's new state. */
  write(layer: number, state: Tensor): void {
    this.state(layer).dispose();
    this.#states[layer] = keep(state);
  }

  /** Counts the states as those of a position, after every layer has written its own. */
  fill(): void {
    this.#isFilled = true;
  }

  dispose(): void {
    for (const state of this.#states) state.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
