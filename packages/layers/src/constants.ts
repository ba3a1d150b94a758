/**
 * Tables and masks that forward passes share: made when they are first asked for, kept with the model, so that a training
 * step or a decoded token uploads nothing but its tokens.
 */
import { keep, type Tensor, tensor, tidy, zeros } from "@sst/tensor";
import type { LayerType, ModelConfig } from "./config.js";
import { rotaryFrequencies } from "./rotary-frequencies.js";

export interface RotaryTables {
  /** `[positions, headDim / 2]`. */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** The same tables twice where sliding layers turn as the others do. */
export type RotaryTablesByType = Readonly<Record<LayerType, RotaryTables>>;

export interface StreamMasks {
  /** 1 where a state precedes the column, 0 where nothing does: `[batch, columns]`. */
  readonly keep: Tensor;
  /** As `keep`, but 1 only where the chunk's own predecessor is blended; for a sweep that blends nothing else. */
  readonly keepInitial: Tensor;
  /** The state of a chunk that nothing precedes: `[batch, hiddenSize]`. */
  readonly nothing: Tensor;
}

/** Shapes whose masks are kept; prompts come in many lengths. */
const KEPT_SHAPES = 8;

export class ForwardConstants implements Disposable {
  #rotary: (RotaryTablesByType & { readonly positions: number }) | undefined;
  /** By shape, the one used longest ago first. */
  readonly #masks = new Map<string, StreamMasks>();

  constructor(private readonly config: ModelConfig) {}

  /** Angles of at least so many positions. The tables grow in powers of two. */
  rotary(positions: number): RotaryTablesByType {
    if (this.#rotary === undefined || this.#rotary.positions < positions) {
      const rows = 2 ** Math.ceil(Math.log2(Math.max(positions, 64)));
      const full = rotaryTables(this.config, "full_attention", rows);
      const hasOwn = this.config.ropeLocalBaseFreq !== undefined;
      const sliding = hasOwn ? rotaryTables(this.config, "sliding_attention", rows) : full;
      this.#disposeRotary();
      this.#rotary = { full_attention: full, sliding_attention: sliding, positions: rows };
    }
    return this.#rotary;
  }

  masks(batch: number, columns: number, isContinued: boolean): StreamMasks {
    const key = `${batch}/${columns}/${isContinued}`;
    const masks = this.#masks.get(key) ?? streamMasks(this.config, batch, columns, isContinued);
    this.#masks.delete(key);
    this.#masks.set(key, masks);
    const [oldest] = this.#masks.keys();
    if (this.#masks.size > KEPT_SHAPES && oldest !== undefined) {
      disposeMasks(this.#masks.get(oldest) as StreamMasks);
      this.#masks.delete(oldest);
    }
    return masks;
  }

  dispose(): void {
    this.#disposeRotary();
    for (const masks of this.#masks.values()) disposeMasks(masks);
    this.#masks.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #disposeRotary(): void {
    const { full_attention: full, sliding_attention: sliding } = this.#rotary ?? {};
    for (const tables of new Set([full, sliding])) {
      tables?.cos.dispose();
      tables?.sin.dispose();
    }
    this.#rotary = undefined;
  }
}

function rotaryTables(config: ModelConfig, layerType: LayerType, positions: number): RotaryTables {
  const frequencies = rotaryFrequencies(config, layerType);
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * (frequencies[i] as number);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos: keep(tensor(cos, [positions, half])), sin: keep(tensor(sin, [positions, half])) };
}

function streamMasks(config: ModelConfig, batch: number, columns: number, isContinued: boolean): StreamMasks {
  const precedes = new Float32Array(batch * columns).fill(1);
  const initial = new Float32Array(batch * columns);
  for (let row = 0; row < batch; row++) {
    precedes[row * columns] = isContinued ? 1 : 0;
    initial[row * columns] = isContinued ? 1 : 0;
  }
  return {
    keep: keep(tensor(precedes, [batch, columns])),
    keepInitial: keep(tensor(initial, [batch, columns])),
    nothing: tidy(() => keep(zeros([batch, config.hiddenSize]) as Tensor)),
  };
}

function disposeMasks(masks: StreamMasks): void {
  for (const mask of Object.values(masks)) (mask as Tensor).dispose();
}
