/** Keys and values of the positions that were read, allocated once at their full size. */
import { cacheWrite, keep, SstError, type Tensor, zeros } from "@sst/tensor";
import type { ModelConfig } from "../config.js";

export class KvCache implements Disposable {
  readonly #keys: Tensor[];
  readonly #values: Tensor[];
  #length = 0;

  /** @param capacity positions that fit */
  constructor(
    config: ModelConfig,
    readonly batchSize: number,
    readonly capacity: number,
  ) {
    const allocate = () => keep(zeros([batchSize, capacity, config.numKeyValueHeads, config.headDim])) as Tensor;
    this.#keys = Array.from({ length: config.numHiddenLayers }, allocate);
    this.#values = Array.from({ length: config.numHiddenLayers }, allocate);
  }

  /** Positions that are filled. */
  get length(): number {
    return this.#length;
  }

  keys(layer: number): Tensor {
    return this.#keys[layer] as Tensor;
  }

  values(layer: number): Tensor {
    return this.#values[layer] as Tensor;
  }

  /** Writes a chunk's keys and values, `[batch, time, keyValueHeads, headDim]`, behind what is filled. */
  write(layer: number, keys: Tensor, values: Tensor): void {
    this.#keys[layer] = this.#overwrite(this.keys(layer), keys);
    this.#values[layer] = this.#overwrite(this.values(layer), values);
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

  dispose(): void {
    for (const tensor of [...this.#keys, ...this.#values]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #overwrite(cache: Tensor, rows: Tensor): Tensor {
    const written = cacheWrite({ cache, rows }, { offset: this.#length }).cache;
    cache.dispose();
    return keep(written);
  }
}
