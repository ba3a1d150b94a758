/**
 * Many queries. A workgroup has sixteen query rows of one key head and walks over their keys in tiles of sixteen
 * (parts/attention-tiles.ts), so a matrix of scores is never there.
 *
 *     keys        0 … 15   16 … 31   …        own
 *     query 0     ▒▒▒▒▒▒   ▒▒                  ▒     each query starts from its own key and value, which it always sees,
 *     query 1     ▒▒▒▒▒▒   ▒▒▒                 ▒     and then takes in one tile after the other: the largest score so
 *     …                                              far, the sum of weights, and the weighted sum of values, of which
 *                                                    each of its four threads has some dimensions
 */
import { defineProgram } from "../program.js";
import { attentionPlaces, attentionUniforms, listedEntry, overListed, pastUniforms } from "./parts/attention-keys.js";
import {
  dimensionsPerLane,
  forOwnDimensions,
  LANES,
  ownTile,
  slotSums,
  TILE,
  TILE_THREADS,
  tileProduct,
} from "./parts/attention-tiles.js";
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
  return `${numbers}${exactProduct}${attentionPlaces(headDim, hasPast)}${slotSums}
${listedEntry("keyEntry", "k", hasPast ? "pastK" : undefined)}
/** Rows of the key head, and keys of the tile's last query: what the entries of a tile may be read of. */
var<private> rowCount: u32;
var<private> keyCount: u32;
${tileProduct(
  "scoresOfTile",
  headDim,
  "if (row < rowCount) {\n    return q[queryStart(row) + i];\n  }\n  return 0.0;",
  "if (row < keyCount) {\n    return keyEntry(row, i);\n  }\n  return 0.0;",
)}
var<workgroup> scores: array<f32, ${TILE * TILE}>;
var<workgroup> weights: array<f32, ${TILE * TILE}>;

fn scoreAgain(query: u32, key: u32) -> Exact {
  var product = Exact(0.0, 0.0);
  for (var i = 0u; i < HEAD_DIM; i++) {
    product = extend(product, q[query + i], keyEntry(key, i));
  }
  return scaledExactly(product, uniforms.scale);
}

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
  for (var i = lane; i < HEAD_DIM; i += ${LANES}u) {
    part = extend(part, q[query + i], k[own + i]);
  }
  let ownScore = scaledExactly(Exact(sumOverSlot(thread, part.high), sumOverSlot(thread, part.low)), uniforms.scale);
  var largest = max(ownScore.high, lowest);
  var total = exponential(ownScore.high - largest + ownScore.low);
  var sums: array<f32, ${dimensionsPerLane(headDim)}>;
  ${forOwnDimensions(headDim, "sums[n] = total * v[own + i];")}

  for (var tile = 0u; tile < listLength; tile += ${TILE}u) {
    let products = scoresOfTile(firstRow, tile, thread) * uniforms.scale;
    let first = slot * ${TILE}u;
    var low = vec4(0.0, 0.0, 0.0, 0.0);
    for (var n = 0u; n < 4u; n++) {
      let key = lane + n * ${LANES}u;
      var score = Exact(products[n], 0.0);
      if (tile + key < keys && abs(score.high) > ${LARGE_SCORE}.0 && isFinite(score.high)) {
        score = scoreAgain(query, tile + key);
      }
      scores[first + key] = score.high;
      low[n] = score.low;
    }
    workgroupBarrier();
    let count = min(${TILE}u, max(keys, tile) - tile);
    var peak = largest;
    for (var i = 0u; i < count; i++) {
      peak = max(peak, scores[first + i]);
    }
    for (var n = 0u; n < 4u; n++) {
      let place = first + lane + n * ${LANES}u;
      weights[place] = exponential(scores[place] - peak + low[n]);
    }
    workgroupBarrier();
    let shrink = exponential(largest - peak);
    largest = peak;
    total *= shrink;
    ${forOwnDimensions(headDim, "sums[n] *= shrink;")}
    for (var key = 0u; key < count; key++) {
      let weight = weights[first + key];
      total += weight;
      ${overListed("(tile + key)", "v", hasPast ? "pastV" : undefined, (buffer) =>
        forOwnDimensions(headDim, `sums[n] = fma(weight, ${buffer}[start + i], sums[n]);`),
      )}
    }
  }

  if (firstRow + slot < rows) {
    ${forOwnDimensions(headDim, "y[query + i] = sums[n] / total;")}
  }
}
`;
}
