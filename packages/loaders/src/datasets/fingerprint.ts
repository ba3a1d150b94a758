/** A digest of bytes that come in blocks, here and in browsers: SHA-256, each block with what came of those before. */

export class Fingerprint {
  #digest: Uint8Array = new Uint8Array();

  /** Passes blocks on, and takes them in. */
  async *of(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const block of blocks) {
      await this.#add(block);
      sizeBytes += block.length;
      yield block;
    }
    // So that it matters where one file ends and the next begins.
    await this.#add(new TextEncoder().encode(`end of ${sizeBytes} bytes`));
  }

  get hexDigits(): string {
    return Array.from(this.#digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async #add(bytes: Uint8Array): Promise<void> {
    const both = new Uint8Array(this.#digest.length + bytes.length);
    both.set(this.#digest);
    both.set(bytes, this.#digest.length);
    this.#digest = new Uint8Array(await crypto.subtle.digest("SHA-256", both));
  }
}
