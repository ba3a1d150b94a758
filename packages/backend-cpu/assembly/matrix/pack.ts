/**
 * Operands of matrix products as panels that the inner loop reads in order, so that all four transpositions run at one
 * speed and an operand that is used again is packed once.
 */

/** Rows and columns of the block that the inner loop keeps in registers. */
export const ROWS: usize = 4;
export const COLUMNS: usize = 8;

/**
 * Rows of the block where there are many: six fill sixteen registers to the last one that an engine has to give, and need the
 * fewest reads for a product. A product and a sum that are not one instruction need a register of their own.
 */
export const TALL_ROWS: usize = ASC_FEATURE_RELAXED_SIMD ? 6 : ROWS;

/** With fewer rows than these a panel that is not full costs more than tall ones gain. */
const MANY_ROWS: usize = 64;

// @ts-ignore: decorator
@inline
export function panelHeight(rows: usize): usize {
  return rows < MANY_ROWS ? ROWS : TALL_ROWS;
}

// @ts-ignore: decorator
@inline
export function roundUp(value: usize, multiple: usize): usize {
  return ((value + multiple - 1) / multiple) * multiple;
}

/** Bytes that `rows` × `depth` of a left operand take, in panels of `height`. */
export function packedLeftBytes(rows: usize, depth: usize, height: usize = ROWS): usize {
  return roundUp(rows, height) * depth * 4;
}

/** Bytes that `depth` × `columns` of a right operand take. */
export function packedRightBytes(depth: usize, columns: usize): usize {
  return roundUp(columns, COLUMNS) * depth * 4;
}

/** Four lines of a panel of `width` lines from four strided rows: 4 × 4 at a time through registers. */
// @ts-ignore: decorator
@inline
function interleaveFour(source: usize, target: usize, depth: usize, lineBytes: usize, width: usize): void {
  const step = width * 4;
  const whole = depth & ~3;
  let to = target;
  for (let k: usize = 0; k < whole; k += 4) {
    const from = source + k * 4;
    const a = v128.load(from);
    const b = v128.load(from + lineBytes);
    const c = v128.load(from + 2 * lineBytes);
    const d = v128.load(from + 3 * lineBytes);
    const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
    v128.store(to + step, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
    v128.store(to + 2 * step, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
    v128.store(to + 3 * step, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
    to += 4 * step;
  }
  for (let k = whole; k < depth; k++) {
    const from = source + k * 4;
    store<f32>(to, load<f32>(from));
    store<f32>(to, load<f32>(from + lineBytes), 4);
    store<f32>(to, load<f32>(from + 2 * lineBytes), 8);
    store<f32>(to, load<f32>(from + 3 * lineBytes), 12);
    to += step;
  }
}

/** Two lines of a panel of `width` lines from two strided rows. */
// @ts-ignore: decorator
@inline
function interleaveTwo(source: usize, target: usize, depth: usize, lineBytes: usize, width: usize): void {
  const step = width * 4;
  const whole = depth & ~3;
  let to = target;
  for (let k: usize = 0; k < whole; k += 4) {
    const from = source + k * 4;
    const a = v128.load(from);
    const b = v128.load(from + lineBytes);
    const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    v128.store_lane<i64>(to, low, 0);
    v128.store_lane<i64>(to + step, low, 1);
    v128.store_lane<i64>(to + 2 * step, high, 0);
    v128.store_lane<i64>(to + 3 * step, high, 1);
    to += 4 * step;
  }
  for (let k = whole; k < depth; k++) {
    store<f32>(to, load<f32>(source + k * 4));
    store<f32>(to, load<f32>(source + k * 4 + lineBytes), 4);
    to += step;
  }
}

/** Lines whose panels end where a cache line does. */
// @ts-ignore: decorator
@inline
function lineOf(width: usize): usize {
  return width == 6 ? 48 : 16;
}

/** Panels of so many lines, which lie side by side in memory: each of its cache lines is read once. */
// @ts-ignore: decorator
@inline
function packLine(source: usize, target: usize, depth: usize, depthStride: usize, width: usize): void {
  const panelBytes = depth * width * 4;
  let from = source;
  let to = target;
  for (let k: usize = 0; k < depth; k++) {
    if (width == 8) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to + panelBytes, v128.load(from, 32));
      v128.store(to + panelBytes, v128.load(from, 48), 16);
    } else if (width == 6) {
      let panel = to;
      for (let at = from; at < from + 192; at += 24) {
        v128.store(panel, v128.load(at));
        store<i64>(panel, load<i64>(at, 16), 16);
        panel += panelBytes;
      }
    } else {
      v128.store(to, v128.load(from));
      v128.store(to + panelBytes, v128.load(from, 16));
      v128.store(to + 2 * panelBytes, v128.load(from, 32));
      v128.store(to + 3 * panelBytes, v128.load(from, 48));
    }
    from += depthStride * 4;
    to += width * 4;
  }
}

/** Entry (line, k) lies at `line * lineStride + k * depthStride` floats; `width` is ROWS, TALL_ROWS or COLUMNS; missing lines are 0. */
function pack(source: usize, target: usize, lines: usize, depth: usize, lineStride: usize, depthStride: usize, width: usize): void {
  let first: usize = 0;
  if (lineStride == 1) {
    const line = lineOf(width);
    for (; first + line <= lines; first += line) packLine(source + first * 4, target + first * depth * 4, depth, depthStride, width);
  }
  for (; first < lines; first += width) {
    const count = min(width, lines - first);
    const panel = target + first * depth * 4;
    if (count == width && lineStride == 1) {
      let from = source + first * 4;
      let to = panel;
      for (let k: usize = 0; k < depth; k++) {
        v128.store(to, v128.load(from));
        if (width == 8) v128.store(to, v128.load(from, 16), 16);
        if (width == 6) store<i64>(to, load<i64>(from, 16), 16);
        from += depthStride * 4;
        to += width * 4;
      }
    } else if (count == width && depthStride == 1) {
      const from = source + first * lineStride * 4;
      interleaveFour(from, panel, depth, lineStride * 4, width);
      if (width == 8) interleaveFour(from + lineStride * 16, panel + 16, depth, lineStride * 4, width);
      if (width == 6) interleaveTwo(from + lineStride * 16, panel + 16, depth, lineStride * 4, width);
    } else {
      packRest(source + first * lineStride * 4, panel, count, depth, lineStride, depthStride, width);
    }
  }
}

function packRest(source: usize, panel: usize, count: usize, depth: usize, lineStride: usize, depthStride: usize, width: usize): void {
  for (let line: usize = 0; line < width; line++) {
    let from = source + line * lineStride * 4;
    let to = panel + line * 4;
    for (let k: usize = 0; k < depth; k++) {
      store<f32>(to, line < count ? load<f32>(from) : 0);
      from += depthStride * 4;
      to += width * 4;
    }
  }
}

/** Packs the left operand; `stride` is its row length in memory, `transposed` says that memory holds it as [depth, rows]. */
export function packLeft(source: usize, target: usize, rows: usize, depth: usize, stride: usize, transposed: bool): void {
  if (transposed) pack(source, target, rows, depth, 1, stride, ROWS);
  else pack(source, target, rows, depth, stride, 1, ROWS);
}

/** As `packLeft`, in panels of TALL_ROWS. */
export function packTallLeft(source: usize, target: usize, rows: usize, depth: usize, stride: usize, transposed: bool): void {
  if (transposed) pack(source, target, rows, depth, 1, stride, TALL_ROWS);
  else pack(source, target, rows, depth, stride, 1, TALL_ROWS);
}

/** Packs the right operand; `transposed` says that memory holds it as [columns, depth]. */
export function packRight(source: usize, target: usize, depth: usize, columns: usize, stride: usize, transposed: bool): void {
  if (transposed) pack(source, target, columns, depth, stride, 1, COLUMNS);
  else pack(source, target, columns, depth, 1, stride, COLUMNS);
}
