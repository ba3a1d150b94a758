/** Where a text of any size is cut into parts that are read one at a time. */
import { SstError } from "@sst/tensor";

const lineFeed = 0x0a;
const space = 0x20;

/**
 * Where the parts begin, the first at 0, or behind a byte order mark. They end behind a line break where there is one in their
 * second half, or else behind a space, or else behind a character.
 *
 * @param blocks the text's bytes, in order
 * @param partBytes at most in a part, at least 8
 * @throws SstError `file-corrupt` for what is no UTF-8
 */
export async function textCuts(
  blocks: AsyncIterable<Uint8Array>,
  fileName: string,
  partBytes: number,
): Promise<number[]> {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  const starts: number[] = [];
  let [position, start] = [0, 0];
  /** Last places of this part at which it may end. */
  let [line, word, character] = [0, 0, 0];
  for await (const block of blocks) {
    requireUtf8(() => utf8.decode(block, { stream: true }), fileName);
    if (position === 0) {
      start = hasByteOrderMark(block) ? 3 : 0;
      if (block.length > start) starts.push(start);
    }
    for (const byte of block) {
      // Bytes that continue a character begin with 10.
      if ((byte & 0xc0) !== 0x80) character = position;
      if (position - start >= partBytes) {
        const near = start + partBytes / 2;
        start = [line, word].find((place) => place > near) ?? character;
        starts.push(start);
      }
      position++;
      if (byte === lineFeed) line = position;
      else if (byte === space) word = position;
    }
  }
  requireUtf8(() => utf8.decode(), fileName);
  return starts;
}

function hasByteOrderMark([first, second, third]: Uint8Array): boolean {
  return first === 0xef && second === 0xbb && third === 0xbf;
}

function requireUtf8(decode: () => void, fileName: string): void {
  try {
    decode();
  } catch (cause) {
    throw new SstError("file-corrupt", `${fileName}: not valid UTF-8: save the file in that encoding`, { cause });
  }
}
