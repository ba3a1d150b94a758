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
import {
  attentionPlaces,
  attentionUniforms,
  type HeadSize,
  headVariant,
  listedEntry,
  overListed,
  pastUniforms,
} from "./parts/attention-keys.js";
import { keysOfTile, ownQueryTile, queryProducts } from "./parts/attention-queries.js";
import { dimensionsPerLane, forOwnDimensions, LANES, slotSums, TILE, TILE_THREADS } from "./parts/attention-tiles.js";
import { numbers } from "./parts/numbers.js";

const chunk = { q: "in f32", k: "in f32", v: "in f32" } as const;
const past = { pastK: "in f32", pastV: "in f32" } as const;

/** Over the chunk alone. */
export const causalAttentionProgram = (head: HeadSize) =>
  defineProgram({
    name: "causalAttention",
    variant: headVariant(head),
    buffers: { ...chunk, y: "out f32" },
    uniforms: attentionUniforms,
    threads: TILE_THREADS,
    body: () => body(head, false),
  });

/** Over a cache and the chunk. */
export const causalAttentionWithPastProgram = (head: HeadSize) =>
  defineProgram({
    name: "causalAttention",
    variant: `${headVariant(head)}, with a cache`,
    buffers: { ...chunk, ...past, y: "out f32" },
    uniforms: { ...attentionUniforms, ...pastUniforms },
    threads: TILE_THREADS,
    body: () => body(head, true),
  });

function body(head: HeadSize, hasPast: boolean): string {
  return `${numbers}${attentionPlaces(hasPast ? "even" : "none")}${slotSums}
${listedEntry("keyEntry", "k", hasPast ? "pastK" : undefined)}
${queryProducts(head, [{ name: "scoresOfTile", rows: "q", entry: "keyEntry" }])}
var<workgroup> scores: array<f32, ${TILE * TILE}>;
var<workgroup> weights: array<f32, ${TILE * TILE}>;

fn run(group: u32, thread: u32) {
  ${ownQueryTile}

  var part = 0.0;
  for (var i = lane; i < uniforms.headDim; i += ${LANES}u) {
    part = fma(q[query + i], k[own + i], part);
  }
  let ownScore = sumOverSlot(thread, part) * uniforms.scale;
  var largest = max(ownScore, lowest);
  var total = exponential(ownScore - largest);
  var sums: array<f32, ${dimensionsPerLane(head)}>;
  ${forOwnDimensions(head, "sums[n] = total * v[own + i];")}

  for (var tile = listStart; tile < listLength; tile += ${TILE}u) {
    let products = scoresOfTile(firstRow, tile, thread) * uniforms.scale;
    let first = slot * ${TILE}u;
    for (var n = 0u; n < 4u; n++) {
      scores[first + lane + n * ${LANES}u] = products[n];
    }
    workgroupBarrier();
    ${keysOfTile}
    var peak = largest;
    for (var i = begin; i < count; i++) {
      peak = max(peak, scores[first + i]);
    }
    for (var n = 0u; n < 4u; n++) {
      let place = first + lane + n * ${LANES}u;
      weights[place] = exponential(scores[place] - peak);
    }
    workgroupBarrier();
    let shrink = exponential(largest - peak);
    largest = peak;
    total *= shrink;
    ${forOwnDimensions(head, "sums[n] *= shrink;")}
    for (var key = begin; key < count; key++) {
      let weight = weights[first + key];
      total += weight;
      ${overListed("(tile + key)", "v", hasPast ? "pastV" : undefined, (buffer) =>
        forOwnDimensions(head, `sums[n] = fma(weight, ${buffer}[start + i], sums[n]);`),
      )}
    }
  }

  if (firstRow + slot < rows) {
    ${forOwnDimensions(head, "y[query + i] = sums[n] / total;")}
  }
}
`;
}
