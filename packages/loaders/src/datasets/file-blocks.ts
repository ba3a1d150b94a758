/** A file from its first byte to its last, in blocks, so that its size does not matter. */
import type { OpenFile } from "../files/open-file.js";

const blockBytes = 2 ** 20;

/** A block is overwritten when the next one is asked for. */
export async function* blocksOf(file: OpenFile): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(Math.min(blockBytes, file.sizeBytes));
  file.announce?.(0, file.sizeBytes);
  for (let position = 0; position < file.sizeBytes; position += block.length) {
    const part = block.subarray(0, file.sizeBytes - position);
    await file.read(position, part);
    yield part;
  }
}
