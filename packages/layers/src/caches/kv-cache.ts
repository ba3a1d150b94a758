/**
 * Keys and values of the positions that were read, allocated once at their full size: of a layer with a window those of its last
 * positions, in a ring.
 */
import { cacheWrite, SstError, type Tensor, zeros } from "@sst/tensor";
import type { ModelConfig } from "../config.js";
import { layerWindow } from "../layer-window.js";
import { LendableTensors } from "./lendable-tensors.js";

/** What a cache holds, on the device: the caller's, until a cache is made of it. */
export interface CacheContents {
  readonly length: number;
  /** Of every layer, as `KvCache.keys`. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

export class KvCache implements Disposable {
  readonly #keys: LendableTensors;
  readonly #values: LendableTensors;
  #length = 0;

  /**
   * @param capacity positions that can be read: so many slots have layers without a window, the others no more than that has
   * @param contents taken over; of this batch size and capacity
   */
  constructor(
    config: ModelConfig,
    readonly batchSize: number,
    readonly capacity: number,
    contents?: CacheContents,
  ) {
    const allocate = (given: readonly Tensor[] | undefined) => {
      if (given !== undefined) return new LendableTensors(given, "KV cache");
      const ofLayers = Array.from(
        { length: config.numHiddenLayers },
        (_, layer) => zeros(cacheShape(config, layer, batchSize, capacity)) as Tensor,
      );
      return new LendableTensors(ofLayers, "KV cache");
    };
    this.#keys = allocate(contents?.keys);
    this.#values = allocate(contents?.values);
    this.#length = contents?.length ?? 0;
  }

  /**
   * Other handles of what the cache holds: for another one, or to come back to it. They lie on the same memory until one of
   * their holders writes.
   *
   * @throws SstError `contradiction` while a decode step or a batch has them
   */
  contents(): CacheContents {
    return { length: this.#length, keys: this.#keys.clones(), values: this.#values.clones() };
  }

  /** Positions that were read. */
  get length(): number {
    return this.#length;
  }

  /** `[batch, slots, keyValueHeads, headDim]`, position u in slot `u mod slots`. @throws SstError `contradiction` while a decode step or a batch has them */
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

  /**
   * Puts other contents in their place: keys and values `[batch, count, keyValueHeads, headDim]` of a layer, in the first `count` of its
   * slots.
   */
  writeSlots(layer: number, keys: Tensor, values: Tensor): void {
    this.#keys.replace(layer, writeRows(this.keys(layer), keys, 0));
    this.#values.replace(layer, writeRows(this.values(layer), values, 0));
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
   * Hands the tensors of all layers over, until `takeBack`: decode steps and batches borrow them.
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

  get isDisposed(): boolean {
    return this.#keys.isDisposed;
  }

  dispose(): void {
    this.#keys.dispose();
    this.#values.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Of a layer's keys, and of its values. */
export function cacheShape(config: ModelConfig, layer: number, batchSize: number, capacity: number): number[] {
  return [batchSize, cacheSlots(config, layer, capacity), config.numKeyValueHeads, config.headDim];
}

/** Slots of a layer's keys, and of its values, in a cache for so many positions. */
export function cacheSlots(config: ModelConfig, layer: number, capacity: number): number {
  return Math.min(capacity, layerWindow(config, layer) || capacity);
}

/** The cache with rows `[batch, time, keyValueHeads, headDim]` of the positions from `offset` on; the one given is used up. */
export function writeRows(cache: Tensor, rows: Tensor, offset: number): Tensor {
  return cacheWrite({ cache, rows }, { offset }).cache;
}
