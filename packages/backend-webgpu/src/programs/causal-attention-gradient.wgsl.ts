/**
 * Three programs, all on tiles of sixteen queries and sixteen keys (parts/attention-tiles.ts). A weight is
 * `exp(score - largest) / total`, its gradient's score `weight · (dy·v - delta) · scale` with `delta = dy·y`.
 *
 *     statistics   a workgroup has sixteen queries    keys → → →       leaves largest, 1 / total and delta of each query
 *     dq           a workgroup has sixteen queries    keys → → →       sums of score gradient · k
 *     dk, dv       a workgroup has sixteen keys       queries ↓ ↓ ↓    sums of score gradient · q, and of weight · dy
 *
 * Each output has one owner, and is added up in the order of keys or of queries.
 */
import { defineProgram } from "../program.js";
import {
  attentionPlaces,
  attentionUniforms,
  type HeadSize,
  headVariant,
  listedEntry,
  overListed,
} from "./parts/attention-keys.js";
import { keysOfTile, ownQueryTile, queryProducts } from "./parts/attention-queries.js";
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
import { numbers } from "./parts/numbers.js";

const inputs = { dy: "in f32", q: "in f32", k: "in f32", v: "in f32" } as const;

/** `statistics[3 · n + 0, 1, 2]` of the query that starts at entry n · head: largest score, 1 / total, delta. */
export const attentionStatisticsProgram = (head: HeadSize) =>
  defineProgram({
    name: "causalAttentionGradient/statistics",
    variant: headVariant(head),
    buffers: { ...inputs, statistics: "out f32" },
    uniforms: attentionUniforms,
    threads: TILE_THREADS,
    body: () => `${queryTiles(head)}
var<workgroup> scores: array<f32, ${TILE * TILE}>;
var<workgroup> shares: array<f32, ${TILE * TILE}>;

fn run(group: u32, thread: u32) {
  ${ownQueries}
  let ownScore = ownProducts.x * uniforms.scale;
  var largest = max(ownScore, lowest);
  var total = exponential(ownScore - largest);
  var along = total * ownProducts.y;
  for (var tile = listStart; tile < listLength; tile += ${TILE}u) {
    let products = scoresOfTile(firstRow, tile, thread) * uniforms.scale;
    let ownShares = sharesOfTile(firstRow, tile, thread);
    let first = slot * ${TILE}u;
    for (var n = 0u; n < 4u; n++) {
      scores[first + lane + n * ${LANES}u] = products[n];
      shares[first + lane + n * ${LANES}u] = ownShares[n];
    }
    workgroupBarrier();
    ${keysOfTile}
    var peak = largest;
    for (var i = begin; i < count; i++) {
      peak = max(peak, scores[first + i]);
    }
    let shrink = exponential(largest - peak);
    largest = peak;
    total *= shrink;
    along *= shrink;
    for (var i = begin; i < count; i++) {
      let weight = exponential(scores[first + i] - peak);
      total += weight;
      along = fma(weight, shares[first + i], along);
    }
  }
  if (lane == 0u && firstRow + slot < rows) {
    let place = query / uniforms.headDim * 3u;
    statistics[place] = largest;
    statistics[place + 1u] = 1.0 / total;
    statistics[place + 2u] = along / total;
  }
}
`,
  });

export const attentionQueryGradientProgram = (head: HeadSize) => {
  const dimensions = dimensionsPerLane(head);
  return defineProgram({
    name: "causalAttentionGradient/dq",
    variant: headVariant(head),
    buffers: { ...inputs, statistics: "in f32", dq: "out f32" },
    uniforms: attentionUniforms,
    threads: TILE_THREADS,
    body: () => `${queryTiles(head)}${weightOf}
var<workgroup> gradients: array<f32, ${TILE * TILE}>;

fn run(group: u32, thread: u32) {
  ${ownQueries}
  let place = query / uniforms.headDim * 3u;
  let ownGradient = scoreGradient(weightOf(ownProducts.x, place), ownProducts.y, place);
  var sums: array<f32, ${dimensions}>;
    ${forOwnDimensions(head, `sums[n] = ownGradient * k[own + i];`)}
  for (var tile = listStart; tile < listLength; tile += ${TILE}u) {
    let products = scoresOfTile(firstRow, tile, thread);
    let shares = sharesOfTile(firstRow, tile, thread);
    for (var n = 0u; n < 4u; n++) {
      let key = slot * ${TILE}u + lane + n * ${LANES}u;
      gradients[key] = scoreGradient(weightOf(products[n], place), shares[n], place);
    }
    workgroupBarrier();
    ${keysOfTile}
    for (var key = begin; key < count; key++) {
      let gradient = gradients[slot * ${TILE}u + key];
      ${overListed("(tile + key)", "k", undefined, (buffer) =>
        forOwnDimensions(head, `sums[n] = fma(gradient, ${buffer}[start + i], sums[n]);`),
      )}
    }
  }
  if (firstRow + slot < rows) {
    ${forOwnDimensions(head, `dq[query + i] = sums[n];`)}
  }
}
`,
  });
};

export const attentionKeyGradientProgram = (head: HeadSize) => {
  const dimensions = dimensionsPerLane(head);
  return defineProgram({
    name: "causalAttentionGradient/dk, dv",
    variant: headVariant(head),
    buffers: { ...inputs, statistics: "in f32", dk: "out f32", dv: "out f32" },
    uniforms: attentionUniforms,
    threads: TILE_THREADS,
    body: () => `${numbers}${attentionPlaces("none")}${weightOf}
${tileProduct(
  "scoresOfTile",
  head,
  "if (row < uniforms.time) {\n    return k[columnStart(row) + i];\n  }\n  return 0.0;",
  "if (row < uniforms.time * uniforms.group) {\n    return q[queryStart(row) + i];\n  }\n  return 0.0;",
)}
${tileProduct(
  "sharesOfTile",
  head,
  "if (row < uniforms.time) {\n    return v[columnStart(row) + i];\n  }\n  return 0.0;",
  "if (row < uniforms.time * uniforms.group) {\n    return dy[queryStart(row) + i];\n  }\n  return 0.0;",
)}
var<workgroup> weights: array<f32, ${TILE * TILE}>;
var<workgroup> gradients: array<f32, ${TILE * TILE}>;

/** Whether the query in a column sees the key in a column. */
fn sees(query: u32, key: u32) -> bool {
  let isWithin = query / uniforms.iterations - key / uniforms.iterations < uniforms.window;
  return query == key || (query > key && key % uniforms.iterations == uniforms.iterations - 1u && isWithin);
}

/** The end of the columns whose queries see keys of columns up to this one. */
fn sightEnd(column: u32) -> u32 {
  let positions = column / uniforms.iterations + min(uniforms.window, uniforms.time);
  return min(uniforms.time, positions * uniforms.iterations);
}

fn run(group: u32, thread: u32) {
  ${ownTile("uniforms.time")}
  let key = firstRow + slot;
  var keySums: array<f32, ${dimensions}>;
  var valueSums: array<f32, ${dimensions}>;
  let rows = sightEnd(min(firstRow + ${TILE - 1}u, uniforms.time - 1u)) * uniforms.group;
  for (var tile = firstRow * uniforms.group; tile < rows; tile += ${TILE}u) {
    let products = scoresOfTile(firstRow, tile, thread);
    let shares = sharesOfTile(firstRow, tile, thread);
    for (var n = 0u; n < 4u; n++) {
      let row = lane + n * ${LANES}u;
      let place = queryStart(min(tile + row, rows - 1u)) / uniforms.headDim * 3u;
      let weight = weightOf(products[n], place);
      weights[slot * ${TILE}u + row] = weight;
      gradients[slot * ${TILE}u + row] = scoreGradient(weight, shares[n], place);
    }
    workgroupBarrier();
    let end = select(0u, min(${TILE}u, rows - tile), key < uniforms.time);
    for (var row = 0u; row < end; row++) {
      if (sees((tile + row) / uniforms.group, key)) {
        let gradient = gradients[slot * ${TILE}u + row];
        let weight = weights[slot * ${TILE}u + row];
        let query = queryStart(tile + row);
    ${forOwnDimensions(
      head,
      `keySums[n] = fma(gradient, q[query + i], keySums[n]);
            valueSums[n] = fma(weight, dy[query + i], valueSums[n]);`,
    )}
      }
    }
  }
  if (key < uniforms.time) {
    let start = columnStart(key);
    ${forOwnDimensions(
      head,
      `dk[start + i] = keySums[n];
        dv[start + i] = valueSums[n];`,
    )}
  }
}
`,
  });
};

/** From what the first program left at `place`: the weight of a product q·k, and the gradient of its score. */
const weightOf = `
fn weightOf(product: f32, place: u32) -> f32 {
  return exponential(product * uniforms.scale - statistics[place]) * statistics[place + 1u];
}

fn scoreGradient(weight: f32, share: f32, place: u32) -> f32 {
  return weight * (share - statistics[place + 2u]) * uniforms.scale;
}
`;

/** Tiles of queries and keys: `scoresOfTile` with q and k, `sharesOfTile` with dy and v. */
function queryTiles(head: HeadSize): string {
  return `${numbers}${attentionPlaces("none")}${slotSums}
${listedEntry("keyEntry", "k", undefined)}
${listedEntry("valueEntry", "v", undefined)}
${queryProducts(head, [
  { name: "scoresOfTile", rows: "q", entry: "keyEntry" },
  { name: "sharesOfTile", rows: "dy", entry: "valueEntry" },
])}`;
}

/** Starts `run` with a tile of queries, and q·k and dy·v of each query with its own key and value. */
const ownQueries = `
  ${ownQueryTile}
  var products = vec2(0.0, 0.0);
  for (var i = lane; i < uniforms.headDim; i += ${LANES}u) {
    products.x = fma(q[query + i], k[own + i], products.x);
    products.y = fma(dy[query + i], v[own + i], products.y);
  }
  let ownProducts = vec2(sumOverSlot(thread, products.x), sumOverSlot(thread, products.y));`;
