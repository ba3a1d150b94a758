/** What the rows of a batch remember while one column of each runs: each row at a position of its own. */
import { cacheWrite, causalAttention, reshape, type Tensor } from "@sst/tensor";
import type { AttentionAttributes, Heads, PassMemory } from "../pass-memory.js";

export interface RowPlaces {
  /** The position that a row is at, `[rows]` int32; -1 for a row that has nothing to do, of which nothing is written. */
  readonly ahead: Tensor;
  /** The same for rows that begin with a position, -1 for those that go on at it. */
  readonly begins: Tensor;
}

export class RowMemory implements PassMemory {
  /** The offset that rows are ahead of. */
  readonly length = 0;
  /** What is left of the tensors that came in, by the same names. */
  readonly left: Record<string, Tensor>;
  /** By layer, other handles of states. */
  readonly #statesInUse: Tensor[] = [];

  /** @param tensors as `emptyRows` makes them; they are used up */
  constructor(
    tensors: Readonly<Record<string, Tensor>>,
    private readonly places: RowPlaces,
  ) {
    this.left = { ...tensors };
  }

  attend(layer: number, heads: Heads, attributes: AttentionAttributes): Tensor {
    const past = { pastK: this.#at(`keys${layer}`), pastV: this.#at(`values${layer}`), ahead: this.places.ahead };
    return causalAttention({ ...heads, ...past }, { ...attributes, pastLength: 0 }).y;
  }

  keep(layer: number, keys: Tensor, values: Tensor): void {
    this.#write(`keys${layer}`, keys, this.places.ahead);
    this.#write(`values${layer}`, values, this.places.ahead);
  }

  advance(): void {
    // Rows go on one by one, when they are told to.
  }

  stateBefore(layer: number): Tensor | undefined {
    const state = this.left[`state${layer}`];
    if (state === undefined) return undefined;
    const inUse = reshape(state, [state.shape[0] as number, -1]);
    this.#statesInUse[layer] = inUse;
    return inUse;
  }

  leaveState(layer: number, state: Tensor): void {
    // What is written in place must be nobody else's, or it is copied first.
    this.#statesInUse[layer]?.dispose();
    const before = this.#at(`state${layer}`);
    this.#write(`settled${layer}`, before, this.places.begins);
    this.#write(`state${layer}`, reshape(state, before.shape), this.places.ahead);
  }

  /** What the iteration before left at the top of the model, `[rows, 1, hiddenSize]`; the caller's. */
  topBefore(): Tensor {
    const top = this.#at("topBefore");
    return reshape(top, [top.shape[0] as number, 1, -1]);
  }

  /** Takes in what this one left, where the next one asks for it. */
  leaveTop(top: Tensor): void {
    const before = this.left.topBefore;
    if (before !== undefined) this.#write("topBefore", reshape(top, before.shape), this.places.ahead);
  }

  #at(name: string): Tensor {
    return this.left[name] as Tensor;
  }

  #write(name: string, rows: Tensor, ahead: Tensor): void {
    this.left[name] = cacheWrite({ cache: this.#at(name), rows, ahead }, { offset: 0 }).cache;
  }
}
