/**
 * Attention for blocks of queries as products of packed matrices: scores of a block against all keys that it sees, never
 * a time × time matrix. Keys and values of one head are packed once for all queries that share them.
 */
import { EDGE_BYTES, multiplyPacked, multiplyPanels } from "../matrix/block";
import { clear, dot } from "../math";
import { COLUMNS, packedLeftBytes, packedRightBytes, packLeft, packRight, ROWS } from "../matrix/pack";
import { workArea } from "../threads";
import { Attention, AttentionGradient, firstSeen, pastInSight, slotOf, windowStart } from "./attention";
import { clearRows } from "./by-query";
import { addByKey, scoreStride, scoresOf, weightedByQuery } from "./causal-products";
import { softmaxInRoom } from "./softmax";

/** Queries of one block. */
const QUERIES: usize = 32;

/** The panel of packed keys that key `first` is in begins with this key. */
// @ts-ignore: decorator
@inline
function panelStart(first: usize): usize {
  return first & ~(COLUMNS - 1);
}

/** Room for attention over `pastLength` positions of a cache, all of them in sight, and a chunk. */
export function blockAreaBytes(pastLength: usize, time: usize, headDim: usize): usize {
  const keys = packedRightBytes(headDim, pastLength) + packedRightBytes(headDim, time);
  const values = packedRightBytes(pastLength, headDim) + packedRightBytes(time, headDim);
  const weights = QUERIES * scoreStride(pastLength, time) * 4;
  const packedWeights = packedLeftBytes(QUERIES, pastLength + time);
  return EDGE_BYTES + keys + values + packedLeftBytes(QUERIES, headDim) + weights + packedWeights + pastLength * headDim * 4;
}

/** Rows of one head from slot `first` on, around the end of the ring, one behind the other. */
function lineUp(slots: usize, first: usize, count: usize, capacity: usize, step: usize, target: usize, rowBytes: usize): void {
  let slot = first;
  for (let i: usize = 0; i < count; i++) {
    memory.copy(target + i * rowBytes, slots + slot * step, rowBytes);
    slot = slot + 1 == capacity ? 0 : slot + 1;
  }
}

/** Items are (batch, key head). */
export function attendByBlock(a: Attention, firstItem: usize, endItem: usize): void {
  const group = a.heads / a.keyValueHeads;
  const keyStride = a.keyValueHeads * a.headDim;
  const queryStride = a.heads * a.headDim;
  const past = pastInSight(a.pastLength, a.window);
  const edge = workArea();
  const pastKeys = edge + EDGE_BYTES;
  const keys = pastKeys + packedRightBytes(a.headDim, past);
  const pastValues = keys + packedRightBytes(a.headDim, a.time);
  const values = pastValues + packedRightBytes(past, a.headDim);
  const queries = values + packedRightBytes(a.time, a.headDim);
  const weights = queries + packedLeftBytes(QUERIES, a.headDim);
  const packedWeights = weights + QUERIES * scoreStride(past, a.time) * 4;
  const line = packedWeights + packedLeftBytes(QUERIES, past + a.time);
  const firstSlot = slotOf(a.pastLength - past, a.capacity);
  const goesAround = firstSlot + past > a.capacity;
  const pastStride = goesAround ? a.headDim : keyStride;
  const rowBytes = a.headDim * 4;
  for (let item = firstItem; item < endItem; item++) {
    const b = item / a.keyValueHeads;
    const keyHead = item % a.keyValueHeads;
    const chunk = (b * a.time * keyStride + keyHead * a.headDim) * 4;
    const slots = (b * a.capacity * keyStride + keyHead * a.headDim) * 4;
    const first = firstSlot * keyStride * 4;
    if (goesAround) lineUp(a.pastK + slots, firstSlot, past, a.capacity, keyStride * 4, line, rowBytes);
    packRight(goesAround ? line : a.pastK + slots + first, pastKeys, a.headDim, past, pastStride, true);
    packRight(a.k + chunk, keys, a.headDim, a.time, keyStride, true);
    if (goesAround) lineUp(a.pastV + slots, firstSlot, past, a.capacity, keyStride * 4, line, rowBytes);
    packRight(goesAround ? line : a.pastV + slots + first, pastValues, past, a.headDim, pastStride, false);
    for (let first: usize = 0; first < a.time; first += QUERIES) {
      const count = min(QUERIES, a.time - first);
      // Keys that the block's first query sees, and so all that any of its queries does, from whole panels on.
      const begin = windowStart(past + first, a.window);
      const pastFrom = begin < past ? panelStart(begin) : past;
      const from = begin < past ? <usize>0 : panelStart(begin - past);
      const pastSeen = past - pastFrom;
      const seen = first + count - from;
      const stride = scoreStride(pastSeen, seen);
      // Packed for each block anew: a panel's length is the depth of the product.
      packRight(a.v + chunk + from * keyStride * 4, values, seen, a.headDim, keyStride, false);
      for (let head = keyHead * group; head < (keyHead + 1) * group; head++) {
        const at = ((b * a.time + first) * a.heads + head) * a.headDim * 4;
        packLeft(a.q + at, queries, count, a.headDim, queryStride, false);
        const pastPanels = pastKeys + pastFrom * a.headDim * 4;
        multiplyPacked(queries, pastPanels, weights, count, pastSeen, a.headDim, stride, false, edge);
        const panels = keys + from * a.headDim * 4;
        scoresOf(queries, panels, weights + pastSeen * 4, count, seen, a.headDim, first - from, stride);
        for (let i: usize = 0; i < count; i++) {
          const row = weights + i * stride * 4;
          const hidden = firstSeen(past, a.starts, b, a.time, first + i, 1, a.window) - pastFrom - from;
          const visible = pastSeen + first + i + 1 - from;
          clear(row, hidden);
          softmaxInRoom(row + hidden * 4, visible - hidden, a.scale);
          clear(row + visible * 4, pastSeen + seen - visible);
        }
        packLeft(weights, packedWeights, count, pastSeen, stride, false);
        const lines = pastValues + pastFrom * COLUMNS * 4;
        const steps = ROWS * pastSeen * 4;
        multiplyPanels(packedWeights, lines, a.y + at, count, a.headDim, pastSeen, steps, COLUMNS * past * 4, queryStride, false, edge);
        packLeft(weights + pastSeen * 4, packedWeights, count, seen, stride, false);
        weightedByQuery(packedWeights, values, a.y + at, count, a.headDim, seen, first - from, queryStride, true, edge);
      }
    }
  }
}

export function blockBackAreaBytes(time: usize, headDim: usize): usize {
  const keys = packedRightBytes(headDim, time) * 2 + packedRightBytes(time, headDim);
  const queries = packedLeftBytes(QUERIES, headDim) + packedRightBytes(QUERIES, headDim) * 2;
  const weights = QUERIES * scoreStride(0, time) * 4;
  return EDGE_BYTES + keys + queries + weights * 2 + packedLeftBytes(time, QUERIES);
}

/** Items are (batch, key head): each adds up the gradients of its own keys and values. */
export function attendByBlockBack(a: AttentionGradient, firstItem: usize, endItem: usize): void {
  const group = a.heads / a.keyValueHeads;
  const keyStride = a.keyValueHeads * a.headDim;
  const queryStride = a.heads * a.headDim;
  const edge = workArea();
  const keysAcross = edge + EDGE_BYTES;
  const valuesAcross = keysAcross + packedRightBytes(a.headDim, a.time);
  const keys = valuesAcross + packedRightBytes(a.headDim, a.time);
  const left = keys + packedRightBytes(a.time, a.headDim);
  const queries = left + packedLeftBytes(QUERIES, a.headDim);
  const upstream = queries + packedRightBytes(QUERIES, a.headDim);
  const weights = upstream + packedRightBytes(QUERIES, a.headDim);
  const gradients = weights + QUERIES * scoreStride(0, a.time) * 4;
  const packed = gradients + QUERIES * scoreStride(0, a.time) * 4;
  for (let item = firstItem; item < endItem; item++) {
    const b = item / a.keyValueHeads;
    const keyHead = item % a.keyValueHeads;
    const chunk = (b * a.time * keyStride + keyHead * a.headDim) * 4;
    clearRows(a.dk + chunk, keyStride * 4, a.time, a.headDim);
    clearRows(a.dv + chunk, keyStride * 4, a.time, a.headDim);
    packRight(a.k + chunk, keysAcross, a.headDim, a.time, keyStride, true);
    packRight(a.v + chunk, valuesAcross, a.headDim, a.time, keyStride, true);
    for (let first: usize = 0; first < a.time; first += QUERIES) {
      const count = min(QUERIES, a.time - first);
      // From whole panels on, as above.
      const from = panelStart(windowStart(first, a.window));
      const seen = first + count - from;
      const offset = first - from;
      const stride = scoreStride(0, seen);
      const own = chunk + from * keyStride * 4;
      const panels = from * a.headDim * 4;
      packRight(a.k + own, keys, seen, a.headDim, keyStride, false);
      for (let head = keyHead * group; head < (keyHead + 1) * group; head++) {
        const at = ((b * a.time + first) * a.heads + head) * a.headDim * 4;
        packLeft(a.q + at, left, count, a.headDim, queryStride, false);
        scoresOf(left, keysAcross + panels, weights, count, seen, a.headDim, offset, stride);
        packLeft(a.dy + at, left, count, a.headDim, queryStride, false);
        scoresOf(left, valuesAcross + panels, gradients, count, seen, a.headDim, offset, stride);
        for (let i: usize = 0; i < count; i++) {
          const hidden = firstSeen(0, a.starts, b, a.time, first + i, 1, a.window) - from;
          const row = i * stride * 4;
          clear(weights + row, hidden);
          clear(gradients + row, hidden);
          const begin = row + hidden * 4;
          scoreGradients(weights + begin, gradients + begin, first + i + 1 - from - hidden, seen - hidden, a.scale);
        }
        packRight(a.q + at, queries, count, a.headDim, queryStride, false);
        packRight(a.dy + at, upstream, count, a.headDim, queryStride, false);
        packLeft(weights, packed, seen, count, stride, true);
        addByKey(packed, upstream, a.dv + own, seen, a.headDim, count, offset, keyStride, edge);
        packLeft(gradients, packed, seen, count, stride, true);
        addByKey(packed, queries, a.dk + own, seen, a.headDim, count, offset, keyStride, edge);
        packLeft(gradients, packed, count, seen, stride, false);
        weightedByQuery(packed, keys, a.dq + at, count, a.headDim, seen, offset, queryStride, false, edge);
      }
    }
  }
}

/** Scores become weights, and gradients for weights become gradients for scores; 0 beyond what the query sees. */
function scoreGradients(weights: usize, gradients: usize, visible: usize, seen: usize, scale: f32): void {
  softmaxInRoom(weights, visible, scale);
  const along = f32x4.splat(dot(weights, gradients, visible));
  const scales = f32x4.splat(scale);
  clear(weights + visible * 4, seen - visible);
  const whole = visible & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = gradients + i * 4;
    v128.store(at, f32x4.mul(f32x4.mul(v128.load(weights + i * 4), f32x4.sub(v128.load(at), along)), scales));
  }
  for (let i = whole; i < visible; i++) {
    const at = gradients + i * 4;
    store<f32>(at, load<f32>(weights + i * 4) * (load<f32>(at) - f32x4.extract_lane(along, 0)) * scale);
  }
  clear(gradients + visible * 4, seen - visible);
}
