/**
 * The latent state cache: one vector per layer, the state that the last position left (paper). Its size does not depend
 * on the context's length.
 */
import { type Tensor, zeros } from "@sst/tensor";
import type { ModelConfig } from "../config.js";
import { LendableTensors } from "./lendable-tensors.js";

/** What the cache holds, on the device: the caller's, until a cache is made of it. */
export interface StateContents {
  readonly isFilled: boolean;
  /** Of every layer, `[batch, hiddenSize]`. */
  readonly states: readonly Tensor[];
}

export class LatentStateCache implements Disposable {
  readonly #states: LendableTensors;
  #isFilled = false;

  /** @param contents taken over; of this batch size */
  constructor(
    config: ModelConfig,
    readonly batchSize: number,
    contents?: StateContents,
  ) {
    const shape = [batchSize, config.hiddenSize];
    const allocate = () => Array.from({ length: config.numHiddenLayers }, () => zeros(shape) as Tensor);
    this.#states = new LendableTensors(contents?.states ?? allocate(), "latent state cache");
    this.#isFilled = contents?.isFilled ?? false;
  }

  /** As `KvCache.contents`. @throws SstError `contradiction` while a decode step or a batch has them */
  contents(): StateContents {
    return { isFilled: this.#isFilled, states: this.#states.clones() };
  }

  /** Whether a position has left its states; before the first one there is nothing to blend. */
  get isFilled(): boolean {
    return this.#isFilled;
  }

  /** The state of one layer, `[batch, hiddenSize]`. @throws SstError `contradiction` while a decode step or a batch has it */
  state(layer: number): Tensor {
    return this.#states.at(layer);
  }

  /** Takes over a layer's new state. */
  write(layer: number, state: Tensor): void {
    this.#states.replace(layer, state);
  }

  /** Counts the states as those of a position, after every layer has written its own. */
  fill(): void {
    this.#isFilled = true;
  }

  /**
   * Hands the states of all layers over, until `takeBack`: decode steps and batches borrow them.
   *
   * @throws SstError `contradiction` when they are lent already, `disposed`
   */
  lend(): readonly Tensor[] {
    return this.#states.lend();
  }

  /** What was lent, or what it has become. */
  takeBack(states: readonly Tensor[]): void {
    this.#states.takeBack(states);
  }

  dispose(): void {
    this.#states.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
