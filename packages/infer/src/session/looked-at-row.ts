/** What an iteration has left in a row of a batch. */
import { head, type ModelWeights, type RowBatch } from "@sst/layers";
import { type Tensor, tidy } from "@sst/tensor";
import { take } from "../likeliest.js";
import type { LookedAt } from "./position-reader.js";

export class LookedAtRow implements LookedAt, Disposable {
  /** @param left the logits, or what the iteration left at the top, `[1, 1, hiddenSize]`, which becomes this one's */
  constructor(
    private readonly rows: RowBatch,
    private readonly row: number,
    private readonly weights: ModelWeights,
    private readonly left: { readonly logits: Float32Array } | { readonly top: Tensor },
  ) {}

  async logits(): Promise<Float32Array> {
    const { left, weights } = this;
    if ("logits" in left) return left.logits;
    return (await take(tidy(() => head(left.top, weights)))) as Float32Array;
  }

  states(): Promise<Float32Array[]> {
    const states = this.weights.layers.map((_, layer) => this.rows.state(this.row, layer));
    return Promise.all(states.map(async (state) => (await take(state)) as Float32Array));
  }

  [Symbol.dispose](): void {
    if ("top" in this.left) this.left.top.dispose();
  }
}

/** The same, where each time that logits are asked for is counted. */
export function counted(looked: LookedAt, onLogits: () => void): LookedAt {
  return {
    logits: () => {
      onLogits();
      return looked.logits();
    },
    states: () => looked.states(),
  };
}
