/**
 * What the columns before have left, for the columns that the stack runs over next: keys and values of positions that are
 * done, and of each layer the last state.
 */
import { causalAttention, concat, type Tensor, tailAttention } from "@sst/tensor";
import type { PassCaches } from "./forward-options.js";
import { columnAt } from "./positions.js";

/** Queries, keys and values of the columns that run, `[batch, columns, heads, headDim]`. */
export interface Heads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface AttentionAttributes {
  readonly scale: number;
  readonly iterations: number;
  /** How many positions a query sees, its own included; 0 for all. */
  readonly window: number;
}

export interface PassMemory {
  /** Positions that are done. */
  readonly length: number;
  /** What the columns see of them and of each other, shaped as q. */
  attend(layer: number, heads: Heads, attributes: AttentionAttributes): Tensor;
  /** Takes over a layer's keys and values of positions, `[batch, time, keyValueHeads, headDim]`. */
  keep(layer: number, keys: Tensor, values: Tensor): void;
  /** Counts positions as done, after every layer has left its keys and values. */
  advance(time: number): void;
  /** What a layer's last column has left, `[batch, hiddenSize]`; undefined where there was none. */
  stateBefore(layer: number): Tensor | undefined;
  leaveState(layer: number, state: Tensor): void;
}

/** Over the caches of a session: for inference, since caches are written in place. */
export class CachedMemory implements PassMemory {
  readonly #offset: number;
  readonly #hasState: boolean[] = [];
  #ahead = 0;

  constructor(private readonly caches: PassCaches) {
    this.#offset = caches.kv.length;
  }

  get length(): number {
    return this.#offset + this.#ahead;
  }

  attend(layer: number, heads: Heads, attributes: AttentionAttributes): Tensor {
    const { kv } = this.caches;
    const past = this.length > 0 ? { pastK: kv.keys(layer), pastV: kv.values(layer) } : {};
    return causalAttention({ ...heads, ...past }, { ...attributes, pastLength: this.length }).y;
  }

  keep(layer: number, keys: Tensor, values: Tensor): void {
    this.caches.kv.write(layer, keys, values, this.#ahead);
  }

  advance(time: number): void {
    this.#ahead += time;
  }

  stateBefore(layer: number): Tensor | undefined {
    const { states } = this.caches;
    return this.#hasState[layer] || states.isFilled ? states.state(layer) : undefined;
  }

  leaveState(layer: number, state: Tensor): void {
    this.caches.states.write(layer, state);
    this.#hasState[layer] = true;
  }
}

interface LayerPast {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Within one pass, and all of it differentiable: for training. */
export class TapedMemory implements PassMemory {
  readonly #past: LayerPast[] = [];
  readonly #states: Tensor[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  attend(layer: number, heads: Heads, attributes: AttentionAttributes): Tensor {
    const past = this.#past[layer];
    if (past === undefined || this.#length === 0) return causalAttention(heads, { ...attributes, pastLength: 0 }).y;
    const { iterations, ...asked } = attributes;
    if (iterations === 1) return this.#attendAsTail(heads, past, asked);
    // Only positions that iterate alone have a past here: each iteration sees that, and itself.
    const { q, k, v } = heads;
    const attended = Array.from({ length: iterations }, (_, index) => {
      const own = { q: columnAt(q, index), k: columnAt(k, index), v: columnAt(v, index) };
      return this.#attendAsTail(own, past, asked);
    });
    return concat(attended, 1);
  }

  keep(layer: number, keys: Tensor, values: Tensor): void {
    const past = this.#past[layer];
    this.#past[layer] = past
      ? { keys: concat([past.keys, keys], 1), values: concat([past.values, values], 1) }
      : { keys, values };
  }

  advance(time: number): void {
    this.#length += time;
  }

  stateBefore(layer: number): Tensor | undefined {
    return this.#states[layer];
  }

  leaveState(layer: number, state: Tensor): void {
    this.#states[layer] = state;
  }

  #attendAsTail(
    { q, k, v }: Heads,
    { keys, values }: LayerPast,
    asked: Omit<AttentionAttributes, "iterations">,
  ): Tensor {
    return tailAttention({ q, k: concat([keys, k], 1), v: concat([values, v], 1) }, asked).y;
  }
}
