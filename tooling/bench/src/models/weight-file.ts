/** A file that is written part by part: models in f32 are too large to be put together in memory first. */
import { closeSync, openSync, writeSync } from "node:fs";

export class WeightFile implements Disposable {
  readonly #descriptor: number;
  #length = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, "w");
  }

  write({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let written = 0; written < byteLength; ) {
      written += writeSync(this.#descriptor, bytes, written);
    }
    this.#length += byteLength;
  }

  /** Zeros up to the next multiple. */
  pad(alignment: number): void {
    this.write(new Uint8Array((alignment - (this.#length % alignment)) % alignment));
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
