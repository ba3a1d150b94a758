/** result[rows, columns] = op(left) · op(right), for a batch of products. */
import { Part } from "../parts";
import { parallel, threadCount, workArea } from "../threads";
import { EDGE_BYTES, multiplyPanels, multiplyTallPanels } from "./block";
import { dotRows, FEW_ROWS, linesPerPiece } from "./few-rows";
import { COLUMNS, packedLeftBytes, packedRightBytes, packLeft, packRight, packTallLeft, panelHeight, ROWS } from "./pack";

/** Depth that is worked off at a time: a panel of the right operand of so many lines stays in the first-level cache. */
const DEPTH: usize = 256;
/** Columns of the right operand that one piece of work packs for itself: with DEPTH they fill a part of the second level. */
const WIDTH: usize = 64;
/** Rows of the left operand that are multiplied before the next columns are, whole panels: with DEPTH they fill the rest of it. */
const HEIGHT: usize = 516;

@unmanaged
export class MatMul {
  left: usize;
  right: usize;
  result: usize;
  rows: usize;
  columns: usize;
  depth: usize;
  transposeLeft: usize;
  transposeRight: usize;
  batch: usize;
  /** Floats between the operands of two products; 0 uses one for all. */
  leftStep: usize;
  rightStep: usize;
  /** `matMulScratchBytes` of room. */
  scratch: usize;
  /** Which product of the batch is being worked on. Set here, like what follows. */
  index: usize;
  width: usize;
}

/** Whether a product reads the right operand as it lies in memory. */
// @ts-ignore: decorator
@inline
function isFew(rows: usize, transposeLeft: usize, transposeRight: usize): bool {
  return rows <= FEW_ROWS && transposeRight != 0 && (transposeLeft == 0 || rows == 1);
}

export function matMulScratchBytes(rows: usize, depth: usize): usize {
  return packedLeftBytes(rows, depth, panelHeight(rows));
}

/** What every thread needs in its work area. */
export function matMulAreaBytes(depth: usize): usize {
  return packedRightBytes(min(depth, DEPTH), WIDTH) + EDGE_BYTES;
}

export function matMul(a: MatMul): void {
  const args = changetype<usize>(a);
  const few = isFew(a.rows, a.transposeLeft, a.transposeRight);
  const heights = (a.rows + HEIGHT - 1) / HEIGHT;
  // Several pieces a thread, so that one that is held up does not hold up the rest.
  const perPiece = (a.columns * heights) / (threadCount() * 4);
  a.width = min(max(perPiece & ~(COLUMNS - 1), COLUMNS), WIDTH);
  for (let index: usize = 0; index < a.batch; index++) {
    a.index = index;
    if (few) {
      parallel(Part.multiplyFewRows, args, a.columns, linesPerPiece(a.columns, a.depth));
      continue;
    }
    if (index == 0 || a.leftStep != 0) {
      const height = panelHeight(a.rows);
      parallel(Part.packLeftPanels, args, (a.rows + height - 1) / height, max<usize>(1, 16_384 / (height * a.depth)));
    }
    parallel(Part.multiplyColumns, args, ((a.columns + a.width - 1) / a.width) * heights, 1);
  }
}

export function multiplyFewRows(a: MatMul, from: usize, to: usize): void {
  const left = a.left + a.index * a.leftStep * 4;
  const right = a.right + a.index * a.rightStep * 4;
  dotRows(left, right, a.result + a.index * a.rows * a.columns * 4, a.rows, a.depth, a.columns, from, to);
}

export function packLeftPanels(a: MatMul, from: usize, to: usize): void {
  const height = panelHeight(a.rows);
  const first = from * height;
  const rows = min(to * height, a.rows) - first;
  const transposed = a.transposeLeft != 0;
  const stride = transposed ? a.rows : a.depth;
  const source = a.left + (a.index * a.leftStep + (transposed ? first : first * stride)) * 4;
  const target = a.scratch + first * a.depth * 4;
  if (height == ROWS) packLeft(source, target, rows, a.depth, stride, transposed);
  else packTallLeft(source, target, rows, a.depth, stride, transposed);
}

/** Items are blocks of columns, for one height of rows after the other. */
export function multiplyColumns(a: MatMul, from: usize, to: usize): void {
  const area = workArea();
  const edge = area + packedRightBytes(min(a.depth, DEPTH), WIDTH);
  const transposed = a.transposeRight != 0;
  const stride = transposed ? a.depth : a.columns;
  const right = a.right + a.index * a.rightStep * 4;
  const result = a.result + a.index * a.rows * a.columns * 4;
  const widths = (a.columns + a.width - 1) / a.width;
  const height = panelHeight(a.rows);
  const leftStep = height * a.depth * 4;
  for (let item = from; item < to; item++) {
    const column = (item % widths) * a.width;
    const columns = min(a.width, a.columns - column);
    const row = (item / widths) * HEIGHT;
    const rows = min(HEIGHT, a.rows - row);
    const target = result + (row * a.columns + column) * 4;
    for (let k: usize = 0; k < a.depth; k += DEPTH) {
      const depth = min(DEPTH, a.depth - k);
      const source = right + (transposed ? column * stride + k : k * stride + column) * 4;
      packRight(source, area, depth, columns, stride, transposed);
      const left = a.scratch + (row * a.depth + k * height) * 4;
      const rightStep = COLUMNS * depth * 4;
      if (height == ROWS) multiplyPanels(left, area, target, rows, columns, depth, leftStep, rightStep, a.columns, k > 0, edge);
      else multiplyTallPanels(left, area, target, rows, columns, depth, leftStep, rightStep, a.columns, k > 0, edge);
    }
  }
}
