/** The states of one pass, layer by layer, in the order of its columns: clones that outlive the pass. */
import type { StateColumns } from "@sst/layers";
import { clone, concat, keep, type Tensor } from "@sst/tensor";

export class CollectedStates implements Disposable {
  /** By layer; what runs one after the other (positions, iterations of one position) comes in the order of the columns. */
  readonly #parts: Tensor[][];

  constructor(numLayers: number) {
    this.#parts = Array.from({ length: numLayers }, () => []);
  }

  /** For `onStates`. */
  readonly add = ({ layer }: StateColumns, states: Tensor): void => {
    this.#parts[layer]?.push(keep(clone(states)));
  };

  /** For every layer `[batch, columns, hiddenSize]`; they are disposed of with this. */
  joined(): Tensor[] {
    for (const [layer, parts] of this.#parts.entries()) {
      if (parts.length === 1) continue;
      const whole = concat(parts, 1) as Tensor;
      for (const part of parts) part.dispose();
      this.#parts[layer] = [whole];
    }
    return this.#parts.map(([whole]) => whole as Tensor);
  }

  dispose(): void {
    for (const part of this.#parts.flat()) part.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
