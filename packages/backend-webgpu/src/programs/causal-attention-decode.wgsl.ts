/**
 * One position against a cache: a workgroup has one query, and its threads share out the keys.
 *
 *     keys      0 … 255              256 … 511   …  own     blocks
 *     1st       thread i: the score of key i                the largest by a tree, weights into workgroup memory
 *     2nd       thread (part, i): dimension i of the values of keys part, part + parts …
 *     the end   the parts of each dimension added up, and divided by the sum of weights
 */
import { defineProgram } from "../program.js";
import {
  attentionPlaces,
  attentionUniforms,
  type HeadSize,
  headVariant,
  listedEntry,
  type PastKind,
  pastByRowUniforms,
  pastUniforms,
} from "./parts/attention-keys.js";
import { numbers } from "./parts/numbers.js";

const THREADS = 256;

/** A thread has one dimension. */
export const LARGEST_HEAD = THREADS;

const read = { q: "in f32", k: "in f32", v: "in f32", pastK: "in f32", pastV: "in f32" } as const;

/** Over the chunk, and over a cache where there is one. */
export const causalAttentionDecodeProgram = (head: HeadSize) =>
  defineProgram({
    name: "causalAttention/decode",
    variant: headVariant(head),
    buffers: { ...read, y: "out f32" },
    uniforms: { ...attentionUniforms, ...pastUniforms },
    threads: THREADS,
    body: () => body(head, "even"),
  });

/** Over the chunk and a cache with rows of different lengths. */
export const causalAttentionDecodeByRowProgram = (head: HeadSize) =>
  defineProgram({
    name: "causalAttention/decode by row",
    variant: headVariant(head),
    buffers: { ...read, ahead: "in i32", y: "out f32" },
    uniforms: { ...attentionUniforms, ...pastByRowUniforms },
    threads: THREADS,
    body: () => body(head, "by row"),
  });

/** Not by way of the private variables: that all threads have the same bounds is seen here alone. */
const ownLength = `let length = pastOf(group / uniforms.heads / uniforms.time);
  rowPast = length;
  rowRingStart = length - length % uniforms.capacity;
  let last = length + column / uniforms.iterations;`;

function body(head: HeadSize, past: PastKind): string {
  // Threads to a part.
  const size = head.most;
  return `${numbers}${attentionPlaces(past)}
${listedEntry("keyEntry", "k", "pastK", past)}
${listedEntry("valueEntry", "v", "pastV", past)}
var<workgroup> query: array<f32, ${head.most}>;
var<workgroup> partials: array<f32, ${THREADS}>;
var<workgroup> weights: array<f32, ${THREADS}>;

fn scoreOf(index: u32, last: u32, own: u32) -> f32 {
  var product = 0.0;
  for (var i = 0u; i < uniforms.headDim; i++) {
    product = fma(query[i], keyOf(index, last, own, i), product);
  }
  return product * uniforms.scale;
}

fn keyOf(index: u32, last: u32, own: u32, i: u32) -> f32 {
  if (index == last) {
    return k[own + i];
  }
  return keyEntry(index, i);
}

fn valueOf(index: u32, last: u32, own: u32, i: u32) -> f32 {
  if (index == last) {
    return v[own + i];
  }
  return valueEntry(index, i);
}

fn run(group: u32, thread: u32) {
  let head = group % uniforms.heads;
  let column = (group / uniforms.heads) % uniforms.time;
  batch = group / uniforms.heads / uniforms.time;
  keyHead = head / uniforms.group;
  let start = group * uniforms.headDim;
  ${past === "by row" ? ownLength : "let last = seen(column);"}
  let own = columnStart(column);
  if (thread < uniforms.headDim) {
    query[thread] = q[start + thread];
  }
  workgroupBarrier();
  let part = thread / ${size}u;
  let dimension = thread % ${size}u;
  var largest = lowest;
  var total = 0.0;
  var sum = 0.0;
  for (var block = firstSeen(last); block <= last; block += ${THREADS}u) {
    let index = block + thread;
    var score = lowest;
    if (index <= last) {
      score = scoreOf(index, last, own);
    }
    partials[thread] = score;
    workgroupBarrier();
    for (var reach = ${THREADS / 2}u; reach > 0u; reach /= 2u) {
      if (thread < reach) {
        partials[thread] = max(partials[thread], partials[thread + reach]);
      }
      workgroupBarrier();
    }
    let peak = max(largest, partials[0]);
    let shrink = exponential(largest - peak);
    largest = peak;
    var weight = 0.0;
    if (index <= last) {
      weight = exponential(score - peak);
    }
    total = total * shrink + weight;
    weights[thread] = weight;
    workgroupBarrier();
    sum *= shrink;
    if (dimension < uniforms.headDim) {
      let end = min(${THREADS}u, last + 1u - block);
      for (var key = part; key < end; key += ${THREADS / size}u) {
        sum = fma(weights[key], valueOf(block + key, last, own, dimension), sum);
      }
    }
    workgroupBarrier();
  }
  partials[thread] = total;
  weights[thread] = sum;
  workgroupBarrier();
  for (var reach = ${THREADS / 2}u; reach > 0u; reach /= 2u) {
    if (thread < reach) {
      partials[thread] += partials[thread + reach];
      if (reach >= ${size}u) {
        weights[thread] += weights[thread + reach];
      }
    }
    workgroupBarrier();
  }
  if (thread < uniforms.headDim) {
    y[start + thread] = weights[thread] / partials[0];
  }
}
`;
}
