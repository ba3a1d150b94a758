/**
 * Many queries. A workgroup has sixteen query rows of one key head and walks over their keys in tiles of sixteen
 * (parts/attention-tiles.ts), so a matrix of scores is never there.
 *
 *     keys        0 … 15   16 … 31   …        own
 *     query 0     ▒▒▒▒▒▒   ▒▒                  ▒     each query starts from its own key and value, which it always sees,
 *     query 1     ▒▒▒▒▒▒   ▒▒▒                 ▒     and then takes in one tile after the other: the largest score so
 *     …                                              far, the sum of weights, and the weighted sum of values, of which
 *                                                    each of its sixteen threads has some dimensions
 */
import { defineProgram } from "../program.js";
import { attentionPlaces, attentionUniforms, listedEntry, pastUniforms } from "./parts/attention-keys.js";
import { dimensionsPerLane, ownTile, slotSums, TILE, TILE_THREADS, tileProduct } from "./parts/attention-tiles.js";
import { exactProduct, LARGE_SCORE } from "./parts/exact-product.js";
import { numbers } from "./parts/numbers.js";

const chunk = { q: "in f32", k: "in f32", v: "in f32" } as const;
const past = { pastK: "in f32", pastV: "in f32" } as const;

/** Over the chunk alone. */
export const causalAttentionProgram = (headDim: number) =>
  defineProgram({
    name: "causalAttention",
    variant: `heads of ${headDim}`,
    buffers: { ...chunk, y: "out f32" },
    uniforms: attentionUniforms,
    threads: TILE_THREADS,
    body: () => body(headDim, false),
  });

/** Over a cache and the chunk. */
export const causalAttentionWithPastProgram = (headDim: number) =>
  defineProgram({
    name: "causalAttention",
    variant: `heads of ${headDim}, with a cache`,
    buffers: { ...chunk, ...past, y: "out f32" },
    uniforms: { ...attentionUniforms, ...pastUniforms },
    threads: TILE_THREADS,
    body: () => body(headDim, true),
  });

function body(headDim: number, hasPast: boolean): string {
  const dimensions = dimensionsPerLane(headDim);
  return `${numbers}${exactProduct}${attentionPlaces(headDim, hasPast)}${slotSums}
${listedEntry("keyEntry", "k", hasPast ? "pastK" : undefined)}
${listedEntry("valueEntry", "v", hasPast ? "pastV" : undefined)}
/** Rows of the key head, and keys of the tile's last query: what the entries of a tile may be read of. */
var<private> rowCount: u32;
var<private> keyCount: u32;
${tileProduct(
  "scoreOfTile",
  "if (row < rowCount) {\n    return q[queryStart(row) + i];\n  }\n  return 0.0;",
  "if (row < keyCount) {\n    return keyEntry(row, i);\n  }\n  return 0.0;",
)}
var<workgroup> scores: array<f32, ${TILE_THREADS}>;
var<workgroup> weights: array<f32, ${TILE_THREADS}>;

fn run(group: u32, thread: u32) {
  let rows = uniforms.time * uniforms.group;
  ${ownTile("rows")}
  let listLength = seen((min(firstRow + ${TILE}u, rows) - 1u) / uniforms.group);
  rowCount = rows;
  keyCount = listLength;
  let row = min(firstRow + slot, rows - 1u);
  let query = queryStart(row);
  let keys = seen(row / uniforms.group);
  let own = columnStart(row / uniforms.group);

  var part = Exact(0.0, 0.0);
  for (var i = lane; i < HEAD_DIM; i += ${TILE}u) {
    part = extend(part, q[query + i], k[own + i]);
  }
  let score = scaledExactly(Exact(sumOverSlot(thread, part.high), sumOverSlot(thread, part.low)), uniforms.scale);
  var largest = max(score.high, lowest);
  var total = exponential(score.high - largest + score.low);
  var sums: array<f32, ${dimensions}>;
  for (var n = 0u; n < ${dimensions}u; n++) {
    let i = lane + n * ${TILE}u;
    if (i < HEAD_DIM) {
      sums[n] = total * v[own + i];
    }
  }

  for (var tile = 0u; tile < listLength; tile += ${TILE}u) {
    var score = Exact(scoreOfTile(firstRow, tile, thread) * uniforms.scale, 0.0);
    let isSeen = tile + lane < keys;
    if (isSeen && abs(score.high) > ${LARGE_SCORE}.0 && isFinite(score.high)) {
      var product = Exact(0.0, 0.0);
      for (var i = 0u; i < HEAD_DIM; i++) {
        product = extend(product, q[query + i], keyEntry(tile + lane, i));
      }
      score = scaledExactly(product, uniforms.scale);
    }
    scores[thread] = score.high;
    workgroupBarrier();
    let first = slot * ${TILE}u;
    let count = min(${TILE}u, max(keys, tile) - tile);
    var peak = largest;
    for (var i = 0u; i < count; i++) {
      peak = max(peak, scores[first + i]);
    }
    weights[thread] = exponential(score.high - peak + score.low);
    workgroupBarrier();
    let shrink = exponential(largest - peak);
    largest = peak;
    total *= shrink;
    for (var n = 0u; n < ${dimensions}u; n++) {
      sums[n] *= shrink;
    }
    for (var key = 0u; key < count; key++) {
      let weight = weights[first + key];
      total += weight;
      for (var n = 0u; n < ${dimensions}u; n++) {
        let i = lane + n * ${TILE}u;
        if (i < HEAD_DIM) {
          sums[n] = fma(weight, valueEntry(tile + key, i), sums[n]);
        }
      }
    }
  }

  if (firstRow + slot < rows) {
    for (var n = 0u; n < ${dimensions}u; n++) {
      let i = lane + n * ${TILE}u;
      if (i < HEAD_DIM) {
        y[query + i] = sums[n] / total;
      }
    }
  }
}
`;
}
