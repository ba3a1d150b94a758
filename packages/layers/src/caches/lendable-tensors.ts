/** The tensors of a cache: its own, but for the time that a decode step or a batch has borrowed them. */
import { keep, SstError, type Tensor } from "@sst/tensor";

export class LendableTensors {
  #tensors: readonly Tensor[];
  #isLent = false;
  #isDisposed = false;

  /** @param title what the cache is called in errors */
  constructor(
    tensors: readonly Tensor[],
    private readonly title: string,
  ) {
    this.#tensors = tensors.map((tensor) => keep(tensor));
  }

  /** @throws SstError `contradiction` while they are lent */
  at(index: number): Tensor {
    this.#requireHere();
    return this.#tensors[index] as Tensor;
  }

  /** Other handles of the same tensors, which are the caller's. @throws SstError `contradiction` while they are lent */
  clones(): Tensor[] {
    this.#requireHere();
    return this.#tensors.map((tensor) => keep(tensor.clone()));
  }

  /** Takes over a tensor in another one's place, which is disposed of. */
  replace(index: number, tensor: Tensor): void {
    this.at(index).dispose();
    this.#tensors = this.#tensors.with(index, keep(tensor));
  }

  /** @throws SstError `contradiction` when they are lent already, `disposed` */
  lend(): readonly Tensor[] {
    this.#requireHere();
    if (this.#isDisposed) throw new SstError("disposed", `the ${this.title} was disposed of`);
    this.#isLent = true;
    return this.#tensors;
  }

  /** What was lent, or what it has become. */
  takeBack(tensors: readonly Tensor[]): void {
    this.#isLent = false;
    this.#tensors = tensors.map((tensor) => keep(tensor));
    if (this.#isDisposed) this.dispose();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** While they are lent, as soon as they come back. */
  dispose(): void {
    this.#isDisposed = true;
    if (this.#isLent) return;
    for (const tensor of this.#tensors) tensor.dispose();
  }

  #requireHere(): void {
    if (!this.#isLent) return;
    throw new SstError(
      "contradiction",
      `a decode step or a batch has borrowed the ${this.title}: dispose of that first, which gives it back`,
    );
  }
}
