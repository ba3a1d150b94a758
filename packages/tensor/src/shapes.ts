/**
 * Symbolic shapes: how a kernel says what it takes. A symbol stands for one size throughout a call; a leading `...`
 * takes any number of dimensions, the same ones wherever it stands.
 */
import { SstError } from "./errors.js";

/** For example `["...", "hiddenSize"]` or `["batch", "time", "heads", 64]`. */
export type SymbolicShape = readonly (string | number)[];

/** What the symbols of one call turned out to be; `...` is kept as its list of sizes. */
export class ShapeBindings {
  readonly #sizes = new Map<string, number>();
  #leading: readonly number[] | undefined;

  constructor(private readonly kernelName: string) {}

  /** Gives a symbol its size before any input has it. */
  bindSize(symbol: string, size: number): void {
    this.#sizes.set(symbol, size);
  }

  /** The sizes of all symbols so far. */
  sizes(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#sizes);
  }

  /** @throws SstError `shape-mismatch` with the kernel's name, the expected and the given shape */
  bind(inputName: string, expected: SymbolicShape, given: readonly number[]): void {
    const hasLeading = expected[0] === "...";
    const fixed = hasLeading ? expected.slice(1) : expected;
    const leadingCount = given.length - fixed.length;
    if (leadingCount < 0 || (!hasLeading && leadingCount > 0)) throw this.#mismatch(inputName, expected, given);
    if (hasLeading) {
      const leading = given.slice(0, leadingCount);
      this.#leading ??= leading;
      if (!equalShapes(this.#leading, leading)) throw this.#mismatch(inputName, expected, given);
    }
    fixed.forEach((symbol, index) => {
      const size = given[leadingCount + index] as number;
      const known = typeof symbol === "number" ? symbol : this.#sizes.get(symbol);
      if (known === undefined) this.#sizes.set(symbol as string, size);
      else if (known !== size) throw this.#mismatch(inputName, expected, given);
    });
  }

  /** The sizes of a shape whose symbols are all bound. */
  resolve(shape: SymbolicShape): number[] {
    const sizes: number[] = [];
    for (const symbol of shape) {
      if (symbol === "...") {
        sizes.push(...(this.#leading ?? []));
        continue;
      }
      const size = typeof symbol === "number" ? symbol : this.#sizes.get(symbol);
      if (size === undefined) throw new SstError("shape-mismatch", `${this.kernelName}: no input has a "${symbol}"`);
      sizes.push(size);
    }
    return sizes;
  }

  #mismatch(inputName: string, expected: SymbolicShape, given: readonly number[]): SstError {
    const known = expected.map((symbol) => {
      if (symbol === "...") return this.#leading ? this.#leading.join(", ") || "" : "...";
      const size = typeof symbol === "string" ? this.#sizes.get(symbol) : undefined;
      return size === undefined ? String(symbol) : `${symbol} = ${size}`;
    });
    const message = `${this.kernelName}: input "${inputName}" should be [${known.filter((text) => text !== "").join(", ")}], but is [${given.join(", ")}]`;
    return new SstError("shape-mismatch", message);
  }
}

/** Whether two shapes are the same, without making anything. */
export function equalShapes(left: readonly number[], right: readonly number[]): boolean {
  if (left.length !== right.length) return false;
  for (let axis = 0; axis < left.length; axis++) if (left[axis] !== right[axis]) return false;
  return true;
}
