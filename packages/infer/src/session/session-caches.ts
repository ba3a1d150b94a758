/** What a session keeps on the device: keys and values, and latent states, with marks to come back to. */
import {
  type CacheContents,
  type DecodeCaches,
  KvCache,
  LatentStateCache,
  layerWindow,
  type ModelConfig,
  type StateContents,
} from "@sst/layers";
import type { Tensor } from "@sst/tensor";

/**
 * What coming back to a position takes: its states, and of layers with a window the keys and values, which later positions write
 * over. Those of other layers stay where they are.
 */
export interface CacheMark extends Disposable {
  readonly length: number;
  readonly states: StateContents;
  /** By layer; undefined for layers without a window. */
  readonly windows: readonly ({ readonly keys: Tensor; readonly values: Tensor } | undefined)[];
}

export class SessionCaches implements DecodeCaches, Disposable {
  #kv: KvCache;
  #states: LatentStateCache;

  constructor(
    private readonly config: ModelConfig,
    readonly capacity: number,
    contents?: { readonly kv: CacheContents; readonly states: StateContents },
  ) {
    this.#kv = new KvCache(config, 1, capacity, contents?.kv);
    this.#states = new LatentStateCache(config, 1, contents?.states);
  }

  get kv(): KvCache {
    return this.#kv;
  }

  get states(): LatentStateCache {
    return this.#states;
  }

  get isDisposed(): boolean {
    return this.#kv.isDisposed;
  }

  /** Other caches with the same contents, on the same memory until one of the two goes on. */
  fork(): SessionCaches {
    return new SessionCaches(this.config, this.capacity, { kv: this.#kv.contents(), states: this.#states.contents() });
  }

  /** The caller disposes of it. */
  mark(): CacheMark {
    const states = this.#states.contents();
    const windows = Array.from({ length: this.config.numHiddenLayers }, (_, layer) =>
      layerWindow(this.config, layer) > 0
        ? { keys: this.#kv.keys(layer).clone(), values: this.#kv.values(layer).clone() }
        : undefined,
    );
    return {
      length: this.#kv.length,
      states,
      windows,
      [Symbol.dispose]: () => {
        for (const tensor of [...states.states, ...windows.flatMap((pair) => (pair ? [pair.keys, pair.values] : []))]) {
          tensor.dispose();
        }
      },
    };
  }

  /** Back to a mark of these caches, which stays good. */
  rewind({ length, states, windows }: CacheMark): void {
    const { keys, values } = this.#kv.contents();
    const back = (now: readonly Tensor[], name: "keys" | "values") =>
      now.map((tensor, layer) => {
        const marked = windows[layer]?.[name];
        if (marked === undefined) return tensor;
        tensor.dispose();
        return marked.clone();
      });
    const kv = new KvCache(this.config, 1, this.capacity, {
      length,
      keys: back(keys, "keys"),
      values: back(values, "values"),
    });
    const own = { isFilled: states.isFilled, states: states.states.map((state) => state.clone()) };
    this.dispose();
    this.#kv = kv;
    this.#states = new LatentStateCache(this.config, 1, own);
  }

  /** Empties them. */
  clear(): void {
    this.dispose();
    this.#kv = new KvCache(this.config, 1, this.capacity);
    this.#states = new LatentStateCache(this.config, 1);
  }

  dispose(): void {
    this.#kv.dispose();
    this.#states.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
