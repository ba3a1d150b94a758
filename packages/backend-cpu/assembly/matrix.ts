/**
 * Matrix products on packed operands. Both sides are copied into panels that the inner loop reads in order, so all four
 * transpositions run at one speed, and an operand that is used again (the weights of a recurrence) is packed once.
 *
 * Every entry of the result is one chain of additions over k = 0, 1, 2, …, whatever the sizes: the same row times the
 * same column gives the same bits in every product.
 */

/** Rows and columns of the block that the inner loop keeps in registers. */
export const ROWS: usize = 4;
export const COLUMNS: usize = 8;

const FLOAT: usize = 4;

// @ts-ignore: decorator
@inline
function roundUp(value: usize, multiple: usize): usize {
  return ((value + multiple - 1) / multiple) * multiple;
}

/** Bytes that the packed left operand of `rows` × `depth` takes. */
export function packedLeftBytes(rows: usize, depth: usize): usize {
  return roundUp(rows, ROWS) * depth * FLOAT;
}

/** Bytes that the packed right operand of `depth` × `columns` takes. */
export function packedRightBytes(depth: usize, columns: usize): usize {
  return roundUp(columns, COLUMNS) * depth * FLOAT;
}

/**
 * Copies `source`, where entry (line, k) lies at `line * lineStride + k * depthStride` floats, into panels of `width`
 * lines: for each k the panel's lines side by side, missing lines as zeros.
 */
function pack(source: usize, target: usize, lines: usize, depth: usize, lineStride: usize, depthStride: usize, width: usize): void {
  const lineBytes = lineStride * FLOAT;
  const depthBytes = depthStride * FLOAT;
  for (let first: usize = 0; first < lines; first += width) {
    const count = min(width, lines - first);
    const panel = target + first * depth * FLOAT;
    if (count == width && lineStride == 1) {
      for (let k: usize = 0; k < depth; k++) {
        const from = source + first * FLOAT + k * depthBytes;
        const to = panel + k * width * FLOAT;
        v128.store(to, v128.load(from));
        if (width == 8) v128.store(to, v128.load(from, 16), 16);
      }
      continue;
    }
    for (let line: usize = 0; line < width; line++) {
      let to = panel + line * FLOAT;
      if (line < count) {
        let from = source + (first + line) * lineBytes;
        for (let k: usize = 0; k < depth; k++) {
          store<f32>(to, load<f32>(from));
          from += depthBytes;
          to += width * FLOAT;
        }
      } else {
        for (let k: usize = 0; k < depth; k++) {
          store<f32>(to, 0);
          to += width * FLOAT;
        }
      }
    }
  }
}

/** Packs the left operand; `stride` is its row length in memory, `transposed` says that memory holds it as [depth, rows]. */
export function packLeft(source: usize, target: usize, rows: usize, depth: usize, stride: usize, transposed: bool): void {
  if (transposed) pack(source, target, rows, depth, 1, stride, ROWS);
  else pack(source, target, rows, depth, stride, 1, ROWS);
}

/** Packs the right operand; `transposed` says that memory holds it as [columns, depth]. */
export function packRight(source: usize, target: usize, depth: usize, columns: usize, stride: usize, transposed: bool): void {
  if (transposed) pack(source, target, columns, depth, stride, 1, COLUMNS);
  else pack(source, target, columns, depth, 1, stride, COLUMNS);
}

// @ts-ignore: decorator
@inline
function storeRow(target: usize, low: v128, high: v128, columns: usize, accumulate: bool): void {
  if (columns >= COLUMNS) {
    if (accumulate) {
      low = f32x4.add(v128.load(target), low);
      high = f32x4.add(v128.load(target, 16), high);
    }
    v128.store(target, low);
    v128.store(target, high, 16);
    return;
  }
  storeLane(target, f32x4.extract_lane(low, 0), accumulate);
  if (columns > 1) storeLane(target + 4, f32x4.extract_lane(low, 1), accumulate);
  if (columns > 2) storeLane(target + 8, f32x4.extract_lane(low, 2), accumulate);
  if (columns > 3) storeLane(target + 12, f32x4.extract_lane(low, 3), accumulate);
  if (columns > 4) storeLane(target + 16, f32x4.extract_lane(high, 0), accumulate);
  if (columns > 5) storeLane(target + 20, f32x4.extract_lane(high, 1), accumulate);
  if (columns > 6) storeLane(target + 24, f32x4.extract_lane(high, 2), accumulate);
}

// @ts-ignore: decorator
@inline
function storeLane(target: usize, value: f32, accumulate: bool): void {
  store<f32>(target, accumulate ? load<f32>(target) + value : value);
}

/**
 * result[rows, columns] (+)= left · right on packed operands; `stride` is the result's row length in memory.
 */
export function multiplyPacked(
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  stride: usize,
  accumulate: bool,
): void {
  for (let column: usize = 0; column < columns; column += COLUMNS) {
    const rightPanel = right + column * depth * FLOAT;
    const columnCount = min(COLUMNS, columns - column);
    for (let row: usize = 0; row < rows; row += ROWS) {
      let a = left + row * depth * FLOAT;
      let b = rightPanel;
      const end = b + depth * COLUMNS * FLOAT;
      let low0 = f32x4.splat(0);
      let high0 = low0;
      let low1 = low0;
      let high1 = low0;
      let low2 = low0;
      let high2 = low0;
      let low3 = low0;
      let high3 = low0;
      while (b < end) {
        const low = v128.load(b);
        const high = v128.load(b, 16);
        const a0 = v128.load32_splat(a);
        low0 = f32x4.add(low0, f32x4.mul(a0, low));
        high0 = f32x4.add(high0, f32x4.mul(a0, high));
        const a1 = v128.load32_splat(a, 4);
        low1 = f32x4.add(low1, f32x4.mul(a1, low));
        high1 = f32x4.add(high1, f32x4.mul(a1, high));
        const a2 = v128.load32_splat(a, 8);
        low2 = f32x4.add(low2, f32x4.mul(a2, low));
        high2 = f32x4.add(high2, f32x4.mul(a2, high));
        const a3 = v128.load32_splat(a, 12);
        low3 = f32x4.add(low3, f32x4.mul(a3, low));
        high3 = f32x4.add(high3, f32x4.mul(a3, high));
        a += ROWS * FLOAT;
        b += COLUMNS * FLOAT;
      }
      const rowCount = rows - row;
      const target = result + (row * stride + column) * FLOAT;
      storeRow(target, low0, high0, columnCount, accumulate);
      if (rowCount > 1) storeRow(target + stride * FLOAT, low1, high1, columnCount, accumulate);
      if (rowCount > 2) storeRow(target + 2 * stride * FLOAT, low2, high2, columnCount, accumulate);
      if (rowCount > 3) storeRow(target + 3 * stride * FLOAT, low3, high3, columnCount, accumulate);
    }
  }
}

/** Scratch bytes that `matMul` needs. */
export function matMulScratchBytes(rows: usize, columns: usize, depth: usize): usize {
  return packedLeftBytes(rows, depth) + packedRightBytes(depth, columns);
}

/** result[rows, columns] = op(left) · op(right), for `batch` products; a batch stride of 0 uses one operand for all. */
export function matMul(
  left: usize,
  right: usize,
  result: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  transposeLeft: bool,
  transposeRight: bool,
  batch: usize,
  leftBatchStride: usize,
  rightBatchStride: usize,
  scratch: usize,
): void {
  const packedRight = scratch + packedLeftBytes(rows, depth);
  for (let index: usize = 0; index < batch; index++) {
    if (index == 0 || leftBatchStride != 0) {
      const source = left + index * leftBatchStride * FLOAT;
      packLeft(source, scratch, rows, depth, transposeLeft ? rows : depth, transposeLeft);
    }
    if (index == 0 || rightBatchStride != 0) {
      const source = right + index * rightBatchStride * FLOAT;
      packRight(source, packedRight, depth, columns, transposeRight ? depth : columns, transposeRight);
    }
    multiplyPacked(scratch, packedRight, result + index * rows * columns * FLOAT, rows, columns, depth, columns, false);
  }
}
