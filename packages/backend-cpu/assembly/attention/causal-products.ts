/**
 * The products of a block of queries with its keys and values, without those that causality makes zero: query i of the block sees the
 * keys up to `offset + i` of those that are at hand.
 */
import { multiplyPanels } from "../matrix/block";
import { COLUMNS, ROWS, roundUp } from "../matrix/pack";

/**
 * Floats between the rows of scores of one block: `before` of them that are computed elsewhere, whole blocks of columns, so that no
 * product meets an edge, and what the last vector of a row needs that begins anywhere.
 */
// @ts-ignore: decorator
@inline
export function scoreStride(before: usize, seen: usize): usize {
  return before + roundUp(seen, COLUMNS) + 4;
}

/**
 * scores[queries, seen] = left · right, as far as they are seen; what lies beyond is anything. There is room for whole blocks.
 *
 * @param left packed [queries, depth]
 * @param right packed [depth, seen]
 */
export function scoresOf(
  left: usize,
  right: usize,
  scores: usize,
  queries: usize,
  seen: usize,
  depth: usize,
  offset: usize,
  stride: usize,
): void {
  const rows = roundUp(queries, ROWS);
  const leftStep = ROWS * depth * 4;
  for (let column: usize = 0; column < seen; column += COLUMNS) {
    const hidden = column > offset + ROWS - 1 ? roundUp(column - (offset + ROWS - 1), ROWS) : 0;
    if (hidden >= rows) return;
    const target = scores + (hidden * stride + column) * 4;
    const panels = left + hidden * depth * 4;
    multiplyPanels(panels, right + column * depth * 4, target, rows - hidden, COLUMNS, depth, leftStep, 0, stride, false, 0);
  }
}

/**
 * result[queries, columns] = (result +) left · right, for a left operand that is 0 beyond what a query sees.
 *
 * @param left packed [queries, seen]
 * @param right packed [seen, columns]
 */
export function weightedByQuery(
  left: usize,
  right: usize,
  result: usize,
  queries: usize,
  columns: usize,
  seen: usize,
  offset: usize,
  stride: usize,
  goesOn: bool,
  edge: usize,
): void {
  for (let row: usize = 0; row < queries; row += ROWS) {
    const count = min(ROWS, queries - row);
    const depth = min(seen, offset + row + ROWS);
    const panel = left + row * seen * 4;
    multiplyPanels(panel, right, result + row * stride * 4, count, columns, depth, 0, COLUMNS * seen * 4, stride, goesOn, edge);
  }
}

/**
 * result[seen, columns] += left · right, for a left operand that is 0 for the queries which do not see a key.
 *
 * @param left packed [seen, queries]
 * @param right packed [queries, columns]
 */
export function addByKey(
  left: usize,
  right: usize,
  result: usize,
  seen: usize,
  columns: usize,
  queries: usize,
  offset: usize,
  stride: usize,
  edge: usize,
): void {
  for (let row: usize = 0; row < seen; row += ROWS) {
    const count = min(ROWS, seen - row);
    const first = row > offset ? row - offset : 0;
    const panel = left + (row * queries + first * ROWS) * 4;
    const lines = right + first * COLUMNS * 4;
    const target = result + row * stride * 4;
    multiplyPanels(panel, lines, target, count, columns, queries - first, 0, COLUMNS * queries * 4, stride, true, edge);
  }
}
