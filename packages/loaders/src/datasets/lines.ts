/** The lines of a file of any size, one at a time. */
import { SstError } from "@sst/tensor";

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Where it begins in the file. */
  readonly position: number;
  /** Without the line break, and without a byte order mark at the file's start. */
  readonly text: string;
}

/** What a line may hold before it is refused: one that is longer is a file without line breaks. */
const longestLineBytes = 2 ** 26;

const lineFeed = 0x0a;

/**
 * @param blocks the file's bytes, in order
 * @throws SstError `file-corrupt` naming file and line, for one that is too long or no UTF-8
 */
export async function* linesOf(blocks: AsyncIterable<Uint8Array>, fileName: string): AsyncGenerator<Line> {
  let number = 1;
  let position = 0;
  /** What has come of a line whose end is in a later block. */
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  const finished = (rest: Uint8Array): Line => {
    const bytes = begun.length === 0 ? rest : joined([...begun, rest]);
    const line = { number, position, text: lineText(bytes, `${fileName}, line ${number}`, number === 1) };
    number++;
    position += bytes.length + 1;
    [begun, begunBytes] = [[], 0];
    return line;
  };
  for await (const block of blocks) {
    let start = 0;
    for (let end = block.indexOf(lineFeed); end >= 0; end = block.indexOf(lineFeed, start)) {
      const line = finished(block.subarray(start, end));
      start = end + 1;
      yield line;
    }
    // A copy: the block is used again.
    if (start < block.length) begun.push(block.slice(start));
    begunBytes += block.length - start;
    if (begunBytes > longestLineBytes) {
      throw new SstError(
        "file-corrupt",
        `${fileName}, line ${number} has more than ${longestLineBytes} bytes: is it a file of lines?`,
      );
    }
  }
  if (begunBytes > 0) yield finished(new Uint8Array());
}

/** @param isFirst of its file, where a byte order mark may stand */
export function lineText(bytes: Uint8Array, place: string, isFirst: boolean): string {
  const text = utf8Text(bytes, place);
  return (isFirst ? text.replace(/^\uFEFF/, "") : text).replace(/\r?\n?$/, "");
}

/** @throws SstError `file-corrupt` naming the place */
export function utf8Text(bytes: Uint8Array, place: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SstError("file-corrupt", `${place}: not valid UTF-8: save the file in that encoding`, { cause });
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((total, { length }) => total + length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
