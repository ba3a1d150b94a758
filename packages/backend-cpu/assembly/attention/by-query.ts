/**
 * Attention one query at a time: a decoded token, a short chunk, or several iterations of each position. Keys come in
 * three stretches: those of the cache, those of the chunk's earlier positions (of each its last iteration), and the
 * query's own.
 */
import { addScaled, dot, madd, sumsOfFour } from "../math";
import { workArea } from "../threads";
import { Attention, AttentionGradient, firstSeen, pastOf, slotOf } from "./attention";
import { exponentials, scaleRow } from "./softmax";

/** The products of a query with keys that lie `step` bytes apart, four keys at a time. */
export function scores(query: usize, keys: usize, step: usize, count: usize, target: usize, headDim: usize): void {
  const whole = headDim & ~3;
  const end = query + whole * 4;
  let i: usize = 0;
  for (; i + 4 <= count; i += 4) {
    let q = query;
    let k0 = keys + i * step;
    let k1 = k0 + step;
    let k2 = k1 + step;
    let k3 = k2 + step;
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    while (q < end) {
      const value = v128.load(q);
      a = madd(value, v128.load(k0), a);
      b = madd(value, v128.load(k1), b);
      c = madd(value, v128.load(k2), c);
      d = madd(value, v128.load(k3), d);
      q += 16;
      k0 += 16;
      k1 += 16;
      k2 += 16;
      k3 += 16;
    }
    v128.store(target + i * 4, sumsOfFour(a, b, c, d));
    for (let k = whole; k < headDim; k++) {
      const value = load<f32>(query + k * 4);
      for (let j = i; j < i + 4; j++) {
        store<f32>(target + j * 4, load<f32>(target + j * 4) + value * load<f32>(keys + j * step + k * 4));
      }
    }
  }
  for (; i < count; i++) store<f32>(target + i * 4, dot(query, keys + i * step, headDim));
}

/**
 * y += Σ weights_i · values_i, columns in registers: sixteen at a time, then eight, then what is left. Even and odd keys
 * have sums of their own, so that one addition need not wait for the last.
 */
export function weightedSum(weights: usize, values: usize, step: usize, count: usize, y: usize, headDim: usize): void {
  const pairs = weights + (count & ~1) * 4;
  let column: usize = 0;
  for (; column + 16 <= headDim; column += 16) {
    const to = y + column * 4;
    let a = v128.load(to);
    let b = v128.load(to, 16);
    let c = v128.load(to, 32);
    let d = v128.load(to, 48);
    let oddA = f32x4.splat(0);
    let oddB = oddA;
    let oddC = oddA;
    let oddD = oddA;
    let from = values + column * 4;
    let odd = from + step;
    let at = weights;
    while (at < pairs) {
      const weight = v128.load32_splat(at);
      a = madd(weight, v128.load(from), a);
      b = madd(weight, v128.load(from, 16), b);
      c = madd(weight, v128.load(from, 32), c);
      d = madd(weight, v128.load(from, 48), d);
      const next = v128.load32_splat(at, 4);
      oddA = madd(next, v128.load(odd), oddA);
      oddB = madd(next, v128.load(odd, 16), oddB);
      oddC = madd(next, v128.load(odd, 32), oddC);
      oddD = madd(next, v128.load(odd, 48), oddD);
      from += 2 * step;
      odd += 2 * step;
      at += 8;
    }
    if (count & 1) {
      const weight = v128.load32_splat(at);
      a = madd(weight, v128.load(from), a);
      b = madd(weight, v128.load(from, 16), b);
      c = madd(weight, v128.load(from, 32), c);
      d = madd(weight, v128.load(from, 48), d);
    }
    v128.store(to, f32x4.add(a, oddA));
    v128.store(to, f32x4.add(b, oddB), 16);
    v128.store(to, f32x4.add(c, oddC), 32);
    v128.store(to, f32x4.add(d, oddD), 48);
  }
  for (; column + 8 <= headDim; column += 8) {
    const to = y + column * 4;
    let a = v128.load(to);
    let b = v128.load(to, 16);
    let oddA = f32x4.splat(0);
    let oddB = oddA;
    let from = values + column * 4;
    let odd = from + step;
    let at = weights;
    while (at < pairs) {
      const weight = v128.load32_splat(at);
      a = madd(weight, v128.load(from), a);
      b = madd(weight, v128.load(from, 16), b);
      const next = v128.load32_splat(at, 4);
      oddA = madd(next, v128.load(odd), oddA);
      oddB = madd(next, v128.load(odd, 16), oddB);
      from += 2 * step;
      odd += 2 * step;
      at += 8;
    }
    if (count & 1) {
      const weight = v128.load32_splat(at);
      a = madd(weight, v128.load(from), a);
      b = madd(weight, v128.load(from, 16), b);
    }
    v128.store(to, f32x4.add(a, oddA));
    v128.store(to, f32x4.add(b, oddB), 16);
  }
  if (column == headDim) return;
  for (let i: usize = 0; i < count; i++) {
    addScaled(y + column * 4, values + i * step + column * 4, load<f32>(weights + i * 4), headDim - column);
  }
}

/** Rows of a head that lie `step` bytes apart. */
export function clearRows(first: usize, step: usize, count: usize, headDim: usize): void {
  for (let i: usize = 0; i < count; i++) memory.fill(first + i * step, 0, headDim * 4);
}

/**
 * Bytes of the cache that all heads of a query go over before the next ones. A head's part of a position is a piece of its row: head
 * after head over a long cache would read it in strides, which no processor foresees, and wait for memory each time. So a tile is read
 * from its beginning to its end first, and the heads find it in the nearest cache.
 */
const TILE_BYTES: usize = 8192;
const LINE_BYTES: usize = 64;

/** Cached positions of a tile; scores go by four. */
// @ts-ignore: decorator
@inline
function tileOf(step: usize): usize {
  return max<usize>(4, (TILE_BYTES / step) & ~3);
}

/** Reads every line of a stretch of memory. What it returns has to be kept: a read that nobody needs would be left out. */
function touched(from: usize, bytes: usize): i32 {
  let all = 0;
  for (let at = from; at < from + bytes; at += LINE_BYTES) all |= load<i32>(at);
  return all;
}

/** What a thread needs in its work area: for each head the weights of all keys that are seen, their sum, and what touching a tile gave. */
export function queryAreaBytes(pastLength: usize, time: usize, heads: usize): usize {
  return heads * (pastLength + time + 2) * 4;
}

/** Rows are (batch, column, head). */
export function attendByQuery(a: Attention, from: usize, to: usize): void {
  for (let row = from; row < to; ) {
    const next = min(to, row - (row % a.heads) + a.heads);
    attendColumn(a, row, next);
    row = next;
  }
}

/** A slot that is counted on from another one, less than once around. */
// @ts-ignore: decorator
@inline
function wrapped(slot: usize, capacity: usize): usize {
  return slot < capacity ? slot : slot - capacity;
}

/** Rows `from` … `to`, heads of one column. */
function attendColumn(a: Attention, from: usize, to: usize): void {
  const group = a.heads / a.keyValueHeads;
  const step = a.keyValueHeads * a.headDim * 4;
  const rowBytes = a.headDim * 4;
  const firstHead = from % a.heads;
  const column = (from / a.heads) % a.time;
  const b = from / (a.heads * a.time);
  const length = pastOf(a, b);
  const first = firstSeen(length, a.starts, b, a.time, column, a.iterations, a.window);
  // Positions before the chunk, and of the chunk, that are not seen.
  const left = min(length, first);
  const hidden = first - left;
  const past = length - left;
  const earlier = column / a.iterations - hidden;
  const cache = b * a.capacity * step;
  const firstSlot = slotOf(left, a.capacity);
  const kept = (b * a.time + hidden * a.iterations + a.iterations - 1) * step;
  const own = (b * a.time + column) * step;
  const tile = tileOf(step);
  const area = workArea();
  const areaRow = queryAreaBytes(past, a.time, 1);
  const sumAt = (past + earlier + 1) * 4;
  const touchedAt = area + sumAt + 4;
  const query = a.q + from * rowBytes;
  const y = a.y + from * rowBytes;
  const heads = to - from;
  // Two runs of slots at most: up to the last one, and on from the first.
  for (let key: usize = 0; key < past; ) {
    const slot = wrapped(firstSlot + key, a.capacity);
    const count = min(tile, min(past - key, a.capacity - slot));
    store<i32>(touchedAt, touched(a.pastK + cache + slot * step, count * step));
    for (let i: usize = 0; i < heads; i++) {
      const keys = a.pastK + cache + slot * step + ((firstHead + i) / group) * rowBytes;
      scores(query + i * rowBytes, keys, step, count, area + i * areaRow + key * 4, a.headDim);
    }
    key += count;
  }
  for (let i: usize = 0; i < heads; i++) {
    const keys = a.k + ((firstHead + i) / group) * rowBytes;
    const weights = area + i * areaRow;
    scores(query + i * rowBytes, keys + kept, step * a.iterations, earlier, weights + past * 4, a.headDim);
    scores(query + i * rowBytes, keys + own, step, 1, weights + (past + earlier) * 4, a.headDim);
    store<f32>(weights + sumAt, exponentials(weights, past + earlier + 1, a.scale));
  }
  memory.fill(y, 0, heads * rowBytes);
  for (let key: usize = 0; key < past; ) {
    const slot = wrapped(firstSlot + key, a.capacity);
    const count = min(tile, min(past - key, a.capacity - slot));
    store<i32>(touchedAt, touched(a.pastV + cache + slot * step, count * step));
    for (let i: usize = 0; i < heads; i++) {
      const values = a.pastV + cache + slot * step + ((firstHead + i) / group) * rowBytes;
      weightedSum(area + i * areaRow + key * 4, values, step, count, y + i * rowBytes, a.headDim);
    }
    key += count;
  }
  for (let i: usize = 0; i < heads; i++) {
    const values = a.v + ((firstHead + i) / group) * rowBytes;
    const weights = area + i * areaRow;
    weightedSum(weights + past * 4, values + kept, step * a.iterations, earlier, y + i * rowBytes, a.headDim);
    weightedSum(weights + (past + earlier) * 4, values + own, step, 1, y + i * rowBytes, a.headDim);
    scaleRow(y + i * rowBytes, a.headDim, <f32>1 / load<f32>(weights + sumAt));
  }
}

/** Where the `index`-th key that a query sees lies among the chunk's, `hidden` positions before it left out; the last one is its own. */
// @ts-ignore: decorator
@inline
function seen(index: usize, earlier: usize, hidden: usize, column: usize, iterations: usize): usize {
  return index == earlier ? column : (hidden + index) * iterations + iterations - 1;
}

/** Items are (batch, key head): each adds up the gradients of its own keys and values. */
export function attendByQueryBack(a: AttentionGradient, from: usize, to: usize): void {
  const group = a.heads / a.keyValueHeads;
  const step = a.keyValueHeads * a.headDim * 4;
  const weights = workArea();
  const gradients = weights + a.time * 4;
  for (let item = from; item < to; item++) {
    const b = item / a.keyValueHeads;
    const keyHead = item % a.keyValueHeads;
    const chunk = b * a.time * step + keyHead * a.headDim * 4;
    clearRows(a.dk + chunk, step, a.time, a.headDim);
    clearRows(a.dv + chunk, step, a.time, a.headDim);
    for (let query: usize = 0; query < group * a.time; query++) {
      const column = query / group;
      const row = ((b * a.time + column) * a.heads + keyHead * group + (query % group)) * a.headDim * 4;
      const hidden = firstSeen(0, a.starts, b, a.time, column, a.iterations, a.window);
      const earlier = column / a.iterations - hidden;
      for (let i: usize = 0; i <= earlier; i++) {
        const at = chunk + seen(i, earlier, hidden, column, a.iterations) * step;
        store<f32>(weights + i * 4, dot(a.q + row, a.k + at, a.headDim));
        store<f32>(gradients + i * 4, dot(a.dy + row, a.v + at, a.headDim));
      }
      scaleRow(weights, earlier + 1, <f32>1 / exponentials(weights, earlier + 1, a.scale));
      const along = dot(weights, gradients, earlier + 1);
      memory.fill(a.dq + row, 0, a.headDim * 4);
      for (let i: usize = 0; i <= earlier; i++) {
        const at = chunk + seen(i, earlier, hidden, column, a.iterations) * step;
        const weight = load<f32>(weights + i * 4);
        const dScore = weight * (load<f32>(gradients + i * 4) - along) * a.scale;
        addScaled(a.dv + at, a.dy + row, weight, a.headDim);
        addScaled(a.dq + row, a.k + at, dScore, a.headDim);
        addScaled(a.dk + at, a.q + row, dScore, a.headDim);
      }
    }
  }
}
