/** Keys and values of the positions that were read, allocated once at their full size. */
import { cacheWrite, SstError, type Tensor, zeros } from "@sst/tensor";
import type { ModelConfig } from "../config.js";
import { LendableTensors } from "./lendable-tensors.js";

export class KvCache implements Disposable {
  readonly #keys: LendableTensors;
  readonly #values: LendableTensors;
  #length = 0;

  /** @param capacity positions that fit */
  constructor(
    config: ModelConfig,
    readonly batchSize: number,
    readonly capacity: number,
  ) {
    const allocate = () => {
      const shape = [batchSize, capacity, config.numKeyValueHeads, config.headDim];
      const ofLayers = Array.from({ length: config.numHiddenLayers }, () => zeros(shape) as Tensor);
      return new LendableTensors(ofLayers, "KV cache");
    };
    this.#keys = allocate();
    this.#values = allocate();
  }

  /** Positions that are filled. */
  get length(): number {
    return this.#length;
  }

  /** `[batch, capacity, keyValueHeads, headDim]`. @throws SstError `contradiction` while a decode step has them */
  keys(layer: number): Tensor {
    return this.#keys.at(layer);
  }

  /** As `keys`. */
  values(layer: number): Tensor {
    return this.#values.at(layer);
  }

  /** Writes keys and values, `[batch, time, keyValueHeads, headDim]`, `ahead` positions behind what is filled. */
  write(layer: number, keys: Tensor, values: Tensor, ahead: number): void {
    this.#keys.replace(layer, writeRows(this.keys(layer), keys, this.#length + ahead));
    this.#values.replace(layer, writeRows(this.values(layer), values, this.#length + ahead));
  }

  /** Counts `time` positions as filled, after every layer has written them. */
  advance(time: number): void {
    this.#length += time;
  }

  /** @throws SstError `context-overflow` when `time` more positions do not fit */
  requireRoom(time: number): void {
    if (this.#length + time <= this.capacity) return;
    throw new SstError(
      "context-overflow",
      `${this.#length} positions are filled and ${time} more do not fit a context of ${this.capacity}`,
    );
  }

  /**
   * Hands the tensors of all layers over, until `takeBack`; a decode step does.
   *
   * @throws SstError `contradiction` when they are lent already, `disposed`
   */
  lend(): { readonly keys: readonly Tensor[]; readonly values: readonly Tensor[] } {
    return { keys: this.#keys.lend(), values: this.#values.lend() };
  }

  /** What was lent, or what it has become; `advance` says how many positions came in. */
  takeBack(keys: readonly Tensor[], values: readonly Tensor[]): void {
    this.#keys.takeBack(keys);
    this.#values.takeBack(values);
  }

  dispose(): void {
    this.#keys.dispose();
    this.#values.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The cache with rows `[batch, time, keyValueHeads, headDim]` from a slot on; the one given is used up. */
export function writeRows(cache: Tensor, rows: Tensor, offset: number): Tensor {
  return cacheWrite({ cache, rows }, { offset }).cache;
}
