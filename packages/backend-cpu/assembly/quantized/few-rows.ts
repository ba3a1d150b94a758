/** Products of few rows with a packed weight: a decoded token. The weight is read as it lies in memory, once. */
import { linesPerPiece } from "../matrix/few-rows";
import { Part } from "../parts";
import { parallel, workArea } from "../threads";
import { preparedRowBytes, prepareRows } from "./activations";
import { dotBlocks, dotHalves } from "./dots";

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

/** The room that a row's padded end is prepared in comes last. */
export function quantizedScratchBytes(rows: usize, depth: usize, bits: usize): usize {
  return rows * preparedRowBytes(depth, bits) + 128;
}

export function quantizedProduct(a: QuantizedProduct): void {
  prepareRows(a.x, a.scratch, a.rows, a.depth, a.bits, a.scratch + a.rows * preparedRowBytes(a.depth, a.bits));
  parallel(Part.quantizedLines, changetype<usize>(a), a.columns, linesPerPiece(a.columns, a.depth));
}

export function quantizedLines(a: QuantizedProduct, from: usize, to: usize): void {
  const rowBytes = preparedRowBytes(a.depth, a.bits);
  const area = workArea();
  const x = a.scratch;
  if (a.bits == 8) dotBlocks(x, rowBytes, a.rows, a.words, a.scales, a.result, a.columns, a.depth, 8, from, to, area);
  else if (a.bits == 4) dotBlocks(x, rowBytes, a.rows, a.words, a.scales, a.result, a.columns, a.depth, 4, from, to, area);
  else dotHalves(x, rowBytes, a.rows, a.words, a.result, a.columns, a.depth, from, to);
}
