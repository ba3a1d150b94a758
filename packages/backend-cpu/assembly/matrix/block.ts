/**
 * The inner loop of all matrix products: a block of 4 × 8 results in registers, or of 6 × 8 where there are many rows, over
 * packed operands.
 *
 * Every entry of a result is one chain of additions over k = 0, 1, 2, …, whatever the sizes and the cuts: the same row
 * times the same column gives the same bits in every product.
 */
import { madd } from "../math";
import { COLUMNS, ROWS, TALL_ROWS } from "./pack";

/** Bytes of the block that stands in for one at the edge of a result. */
export const EDGE_BYTES: usize = TALL_ROWS * COLUMNS * 4;

/** `height`, a constant wherever this is put, is 4 or 6. */
// @ts-ignore: decorator
@inline
function block(height: usize, left: usize, right: usize, depth: usize, target: usize, stride: usize, goesOn: bool): void {
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  let low2 = low0;
  let high2 = low0;
  let low3 = low0;
  let high3 = low0;
  let low4 = low0;
  let high4 = low0;
  let low5 = low0;
  let high5 = low0;
  if (goesOn) {
    low0 = v128.load(target);
    high0 = v128.load(target, 16);
    low1 = v128.load(target + stride);
    high1 = v128.load(target + stride, 16);
    low2 = v128.load(target + 2 * stride);
    high2 = v128.load(target + 2 * stride, 16);
    low3 = v128.load(target + 3 * stride);
    high3 = v128.load(target + 3 * stride, 16);
    if (height == 6) {
      low4 = v128.load(target + 4 * stride);
      high4 = v128.load(target + 4 * stride, 16);
      low5 = v128.load(target + 5 * stride);
      high5 = v128.load(target + 5 * stride, 16);
    }
  }
  let a = left;
  let b = right;
  const end = b + depth * COLUMNS * 4;
  while (b < end) {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    low0 = madd(a0, low, low0);
    high0 = madd(a0, high, high0);
    const a1 = v128.load32_splat(a, 4);
    low1 = madd(a1, low, low1);
    high1 = madd(a1, high, high1);
    const a2 = v128.load32_splat(a, 8);
    low2 = madd(a2, low, low2);
    high2 = madd(a2, high, high2);
    const a3 = v128.load32_splat(a, 12);
    low3 = madd(a3, low, low3);
    high3 = madd(a3, high, high3);
    if (height == 6) {
      const a4 = v128.load32_splat(a, 16);
      low4 = madd(a4, low, low4);
      high4 = madd(a4, high, high4);
      const a5 = v128.load32_splat(a, 20);
      low5 = madd(a5, low, low5);
      high5 = madd(a5, high, high5);
    }
    a += height * 4;
    b += COLUMNS * 4;
  }
  v128.store(target, low0);
  v128.store(target, high0, 16);
  v128.store(target + stride, low1);
  v128.store(target + stride, high1, 16);
  v128.store(target + 2 * stride, low2);
  v128.store(target + 2 * stride, high2, 16);
  v128.store(target + 3 * stride, low3);
  v128.store(target + 3 * stride, high3, 16);
  if (height == 6) {
    v128.store(target + 4 * stride, low4);
    v128.store(target + 4 * stride, high4, 16);
    v128.store(target + 5 * stride, low5);
    v128.store(target + 5 * stride, high5, 16);
  }
}

/** Up to COLUMNS floats. A copy in bulk calls out of the module, which takes longer than this. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, count: usize): void {
  if (count == COLUMNS) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    return;
  }
  let at: usize = 0;
  if (count & 4) {
    v128.store(to, v128.load(from));
    at = 16;
  }
  if (count & 2) {
    store<i64>(to + at, load<i64>(from + at));
    at += 8;
  }
  if (count & 1) store<f32>(to + at, load<f32>(from + at));
}

function copyBlock(from: usize, to: usize, rows: usize, columns: usize, fromStride: usize, toStride: usize): void {
  for (let row: usize = 0; row < rows; row++) copyRow(from + row * fromStride, to + row * toStride, columns);
}

/**
 * `multiplyPanels` for one height, a constant wherever this is put. Each height is a function of its own:
 * with both as branches of one, a training step took some 3 % longer.
 */
// @ts-ignore: decorator
@inline
function multiplyPanelsOf(
  height: usize,
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  leftStep: usize,
  rightStep: usize,
  stride: usize,
  goesOn: bool,
  edge: usize,
): void {
  const strideBytes = stride * 4;
  let rightPanel = right;
  for (let column: usize = 0; column < columns; column += COLUMNS) {
    const columnCount = min(COLUMNS, columns - column);
    let leftPanel = left;
    let target = result + column * 4;
    for (let row: usize = 0; row < rows; row += height) {
      const rowCount = min(height, rows - row);
      if (rowCount == height && columnCount == COLUMNS) {
        block(height, leftPanel, rightPanel, depth, target, strideBytes, goesOn);
      } else {
        if (goesOn) copyBlock(target, edge, rowCount, columnCount, strideBytes, COLUMNS * 4);
        block(height, leftPanel, rightPanel, depth, edge, COLUMNS * 4, goesOn);
        copyBlock(edge, target, rowCount, columnCount, COLUMNS * 4, strideBytes);
      }
      leftPanel += leftStep;
      target += height * strideBytes;
    }
    rightPanel += rightStep;
  }
}

/**
 * result[rows, columns] = (result +) left · right over `depth` entries of packed operands, the left one in panels of ROWS.
 *
 * @param leftStep bytes between the panels of the left operand (more than ROWS · depth · 4 for a cut out of its depth)
 * @param rightStep the same for the right operand
 * @param stride the result's row length in memory, in floats
 * @param goesOn whether the chains of additions go on from what the result holds
 * @param edge EDGE_BYTES of room
 */
export function multiplyPanels(
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  leftStep: usize,
  rightStep: usize,
  stride: usize,
  goesOn: bool,
  edge: usize,
): void {
  multiplyPanelsOf(ROWS, left, right, result, rows, columns, depth, leftStep, rightStep, stride, goesOn, edge);
}

/** As `multiplyPanels`, the left operand in panels of TALL_ROWS. */
export function multiplyTallPanels(
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  leftStep: usize,
  rightStep: usize,
  stride: usize,
  goesOn: bool,
  edge: usize,
): void {
  multiplyPanelsOf(TALL_ROWS, left, right, result, rows, columns, depth, leftStep, rightStep, stride, goesOn, edge);
}

/** The whole product of operands that are packed over their whole depth. */
// @ts-ignore: decorator
@inline
export function multiplyPacked(
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  stride: usize,
  goesOn: bool,
  edge: usize,
): void {
  const leftStep = ROWS * depth * 4;
  multiplyPanels(left, right, result, rows, columns, depth, leftStep, COLUMNS * depth * 4, stride, goesOn, edge);
}
