/** Products of few rows with a packed weight: a decoded token. The weight is read as it lies in memory, once. */
import { Part } from "../parts";
import { parallel, threadCount, workArea } from "../threads";
import { preparedRowBytes, prepareRows } from "./activations";
import { dotAreaBytes, dotBlocks, dotHalves } from "./dots";

@unmanaged
export class QuantizedProduct {
  x: usize;
  words: usize;
  scales: usize;
  result: usize;
  rows: usize;
  /** Length of a row of x. */
  depth: usize;
  columns: usize;
  /** 16, 8 or 4. */
  bits: usize;
  /** `quantizedScratchBytes` of room. */
  scratch: usize;
}

/** Lines that are worked off for all rows before the next ones are: they stay in the first-level cache. */
const LINES: usize = 8;

/** The room that a row's padded end is prepared in comes last. */
export function quantizedScratchBytes(rows: usize, depth: usize, bits: usize): usize {
  return rows * preparedRowBytes(depth, bits) + 128;
}

/** What every thread needs in its work area. */
export function quantizedAreaBytes(depth: usize): usize {
  return dotAreaBytes(depth);
}

export function quantizedProduct(a: QuantizedProduct): void {
  prepareRows(a.x, a.scratch, a.rows, a.depth, a.bits, a.scratch + a.rows * preparedRowBytes(a.depth, a.bits));
  const lines = max(LINES, (a.columns / (threadCount() * 4)) & ~(LINES - 1));
  parallel(Part.quantizedLines, changetype<usize>(a), a.columns, lines);
}

export function quantizedLines(a: QuantizedProduct, from: usize, to: usize): void {
  const rowBytes = preparedRowBytes(a.depth, a.bits);
  const area = workArea();
  for (let line = from; line < to; line += LINES) {
    const end = min(line + LINES, to);
    for (let row: usize = 0; row < a.rows; row++) {
      const x = a.scratch + row * rowBytes;
      const result = a.result + row * a.columns * 4;
      if (a.bits == 8) dotBlocks(x, a.words, a.scales, result, a.depth, 8, line, end, area);
      else if (a.bits == 4) dotBlocks(x, a.words, a.scales, result, a.depth, 4, line, end, area);
      else dotHalves(x, a.words, result, a.depth, line, end);
    }
  }
}
