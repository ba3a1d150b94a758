/**
 * The exact recurrence of one layer: a workgroup takes one sequence through all its positions, with the vectors of a step in
 * workgroup memory and a barrier where one part of the step needs all of another.
 *
 *     h ─ norm ─→ n ──(gate, up)──→ activation ──(down)──→ (norm) ─→ y = h + …, the next position's state
 *
 * Every entry of a product is one thread's, added up term by term in order, as `mat-mul-block.wgsl.ts` adds; the norm adds
 * like `rms-norm.wgsl.ts`: so a stream that blends nothing gives the bits of the plain network.
 */
import type { Activation } from "@sst/tensor";
import { defineProgram } from "../program.js";
import { activationFunctions } from "./gated-activation.wgsl.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";
import { numbers } from "./parts/numbers.js";
import { rowSums } from "./parts/rows.js";

/** Threads of a workgroup. */
const THREADS = 256;

/** Floats of workgroup memory that every device has. */
const MOST_SHARED = 16_384 / 4;

/** Whether the vectors of a step, forward and backward, fit into a workgroup's memory. */
export function recurrenceFits(hiddenSize: number, wide: number): boolean {
  return hiddenSize * 2 + wide * 2 + THREADS <= MOST_SHARED;
}

/** What programs are made for. */
export interface RecurrenceKind {
  readonly hiddenSize: number;
  readonly wide: number;
  readonly activation: Activation;
  /** Whether a norm is behind the network. */
  readonly hasOutNorm: boolean;
}

function variantOf({ hiddenSize, wide, activation, hasOutNorm }: RecurrenceKind): string {
  return `${hiddenSize} by ${wide}, ${activation}${hasOutNorm ? ", normed" : ""}`;
}

/**
 * The layer's parameters in one buffer, for a shader may have few: gate, up and down, then the norm's weight, alpha, and the weight of
 * the norm behind the network. Matrices are laid out so that neighbouring threads read neighbouring entries: transposed for the way
 * forward, as they are for the way back.
 */
export const packParametersProgram = (transposed: boolean) =>
  defineProgram({
    name: "stateRecurrence/parameters",
    variant: transposed ? "transposed" : "as they are",
    buffers: {
      gate: "in f32",
      up: "in f32",
      down: "in f32",
      normWeight: "in f32",
      alpha: "in f32",
      outNormWeight: "in f32",
      parameters: "out f32",
    },
    uniforms: { count: "u32", hiddenSize: "u32", wide: "u32" },
    threads: ELEMENTS_PER_GROUP,
    body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let hidden = uniforms.hiddenSize;
  let wide = uniforms.wide;
  let size = hidden * wide;
  let at = index % max(size, 1u);
  if (index < 2u * size) {
    let source = ${transposed ? "at % wide * hidden + at / wide" : "at"};
    parameters[index] = select(up[source], gate[source], index < size);
  } else if (index < 3u * size) {
    parameters[index] = down[${transposed ? "at % hidden * wide + at / hidden" : "at"}];
  } else {
    let entry = index - 3u * size;
    let i = entry % hidden;
    let others = select(outNormWeight[i], alpha[i], entry < 2u * hidden);
    parameters[index] = select(others, normWeight[i], entry < hidden);
  }
}
`,
  });

/** Floats that `packParametersProgram` writes. */
export function parameterCount({ hiddenSize, wide }: RecurrenceKind): number {
  return 3 * hiddenSize * wide + 3 * hiddenSize;
}

/** Where the parts lie. */
const parts = `
  let hidden = uniforms.hiddenSize;
  let wide = uniforms.wide;
  let UP = hidden * wide;
  let DOWN = 2u * UP;
  let NORM = 3u * UP;
  let ALPHA = NORM + hidden;
  let OUT = ALPHA + hidden;`;

/** `fn <name>(thread)`: what a norm multiplies a vector of workgroup memory by. */
function normScale(name: string, vector: string): string {
  return `
fn ${name}(thread: u32) -> f32 {
  var squares = 0.0;
  for (var i = thread % LANES; i < uniforms.hiddenSize; i += LANES) {
    squares += ${vector}[i] * ${vector}[i];
  }
  return 1.0 / sqrt(sumOverRow(thread, squares) / f32(uniforms.hiddenSize) + uniforms.epsilon);
}
`;
}

/** A sequence is a workgroup. */
export const stateRecurrenceProgram = (kind: RecurrenceKind) =>
  defineProgram({
    name: "stateRecurrence",
    variant: variantOf(kind),
    buffers: { a: "in f32", keep: "in f32", initial: "in f32", parameters: "in f32", y: "out f32" },
    uniforms: { time: "u32", hiddenSize: "u32", wide: "u32", epsilon: "f32" },
    threads: THREADS,
    body: () => `${numbers}${activationFunctions(kind.activation)}${rowSums(kind.hiddenSize, THREADS)}
const THREADS = ${THREADS}u;
var<workgroup> h: array<f32, ${kind.hiddenSize}>;
var<workgroup> n: array<f32, ${kind.hiddenSize}>;
var<workgroup> activation: array<f32, ${kind.wide}>;
${normScale("scaleOfH", "h")}${kind.hasOutNorm ? normScale("scaleOfBranch", "n") : ""}

fn run(group: u32, thread: u32) {
  ${parts}
  for (var t = 0u; t < uniforms.time; t++) {
    let row = group * uniforms.time + t;
    for (var i = thread; i < hidden; i += THREADS) {
      let own = a[row * hidden + i];
      // The thread itself has written the entry of the position before.
      var state = initial[group * hidden + i];
      if (t > 0u) {
        state = y[(row - 1u) * hidden + i];
      }
      let share = parameters[ALPHA + i];
      h[i] = select(own, (1.0 - share) * own + share * state, keep[row] > 0.0);
    }
    workgroupBarrier();
    let scale = scaleOfH(thread);
    for (var i = thread; i < hidden; i += THREADS) {
      n[i] = h[i] * scale * parameters[NORM + i];
    }
    workgroupBarrier();
    for (var j = thread; j < wide; j += THREADS) {
      var gated = 0.0;
      var raised = 0.0;
      for (var i = 0u; i < hidden; i++) {
        gated += n[i] * parameters[i * wide + j];
        raised += n[i] * parameters[UP + i * wide + j];
      }
      activation[j] = gated * shares(gated).x * raised;
    }
    workgroupBarrier();
    for (var i = thread; i < hidden; i += THREADS) {
      var branch = 0.0;
      for (var j = 0u; j < wide; j++) {
        branch += activation[j] * parameters[DOWN + j * hidden + i];
      }
      ${kind.hasOutNorm ? "n[i] = branch;" : "y[row * hidden + i] = h[i] + branch;"}
    }
    workgroupBarrier();${kind.hasOutNorm ? addNormed : ""}
  }
}
`,
  });

/** The branch, which is where n was, is added after a norm of its own. */
const addNormed = `
    let outScale = scaleOfBranch(thread);
    for (var i = thread; i < hidden; i += THREADS) {
      y[row * hidden + i] = h[i] + n[i] * outScale * parameters[OUT + i];
    }
    workgroupBarrier();`;

/** What every position blended, all at once: thread i has entry i of `h`. */
export const blendedProgram = defineProgram({
  name: "stateRecurrence/blended",
  buffers: { a: "in f32", keep: "in f32", initial: "in f32", alpha: "in f32", y: "in f32", h: "out f32" },
  uniforms: { count: "u32", time: "u32", hiddenSize: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let hidden = uniforms.hiddenSize;
  let row = index / hidden;
  let i = index % hidden;
  var state = initial[row / uniforms.time * hidden + i];
  if (row % uniforms.time > 0u) {
    state = y[index - hidden];
  }
  let share = alpha[i];
  h[index] = select(a[index], (1.0 - share) * a[index] + share * state, keep[row] > 0.0);
}
`,
});

/**
 * `fn <name>(thread, row)`: the scale of a norm, and how far the gradient in `dn` goes along the normed row, in a buffer of all
 * positions.
 */
function normGradient(name: string, rows: string): string {
  return `
fn ${name}(thread: u32, row: u32) -> vec2<f32> {
  let size = uniforms.hiddenSize;
  var squares = 0.0;
  var products = 0.0;
  for (var i = thread % LANES; i < size; i += LANES) {
    let own = ${rows}[row * size + i];
    squares += own * own;
    products += dn[i] * own;
  }
  let scale = 1.0 / sqrt(sumOverRow(thread, squares) / f32(size) + uniforms.epsilon);
  return vec2(scale, sumOverRow(thread, products) * scale / f32(size));
}
`;
}

/**
 * dh of all positions, the last one first; what a position sends back to the one before stays in workgroup memory. A norm behind
 * the network needs `branches`, what it was given at all positions.
 */
export const recurrenceChainProgram = (kind: RecurrenceKind) =>
  defineProgram({
    name: "stateRecurrence/chain",
    variant: variantOf(kind),
    buffers: {
      dy: "in f32",
      h: "in f32",
      gates: "in f32",
      ups: "in f32",
      keep: "in f32",
      parameters: "in f32",
      branches: "in f32",
      dh: "out f32",
    },
    uniforms: { time: "u32", hiddenSize: "u32", wide: "u32", epsilon: "f32" },
    threads: THREADS,
    body: () => `${numbers}${activationFunctions(kind.activation)}${rowSums(kind.hiddenSize, THREADS)}
const THREADS = ${THREADS}u;
var<workgroup> total: array<f32, ${kind.hiddenSize}>;
var<workgroup> dn: array<f32, ${kind.hiddenSize}>;
var<workgroup> dGate: array<f32, ${kind.wide}>;
var<workgroup> dUp: array<f32, ${kind.wide}>;
${normGradient("throughNorm", "h")}${kind.hasOutNorm ? normGradient("throughOutNorm", "branches") : ""}

fn run(group: u32, thread: u32) {
  ${parts}
  for (var back = 0u; back < uniforms.time; back++) {
    let t = uniforms.time - 1u - back;
    let row = group * uniforms.time + t;
    for (var i = thread; i < hidden; i += THREADS) {
      var sent = 0.0;
      if (back > 0u) {
        // The thread itself has written the entry of the position behind.
        sent = select(0.0, parameters[ALPHA + i], keep[row + 1u] > 0.0) * dh[(row + 1u) * hidden + i];
      }
      total[i] = dy[row * hidden + i] + sent;
      ${kind.hasOutNorm ? "dn[i] = total[i] * parameters[OUT + i];" : ""}
    }
    workgroupBarrier();${kind.hasOutNorm ? sendThroughOutNorm : ""}
    for (var j = thread; j < wide; j += THREADS) {
      var dActivation = 0.0;
      for (var i = 0u; i < hidden; i++) {
        dActivation += ${kind.hasOutNorm ? "dn" : "total"}[i] * parameters[DOWN + i * wide + j];
      }
      let gated = gates[row * wide + j];
      let share = shares(gated);
      dGate[j] = dActivation * ups[row * wide + j] * slope(gated, share);
      dUp[j] = dActivation * (gated * share.x);
    }
    workgroupBarrier();
    for (var i = thread; i < hidden; i += THREADS) {
      var throughGate = 0.0;
      var throughUp = 0.0;
      for (var j = 0u; j < wide; j++) {
        throughGate += dGate[j] * parameters[j * hidden + i];
        throughUp += dUp[j] * parameters[UP + j * hidden + i];
      }
      dn[i] = (throughGate + throughUp) * parameters[NORM + i];
    }
    workgroupBarrier();
    let norm = throughNorm(thread, row);
    for (var i = thread; i < hidden; i += THREADS) {
      dh[row * hidden + i] = total[i] + (dn[i] - h[row * hidden + i] * norm.x * norm.y) * norm.x;
    }
    workgroupBarrier();
  }
}
`,
  });

/** What the network is sent, in `dn`, whose room is needed for the norm before it only afterwards. */
const sendThroughOutNorm = `
    let outNorm = throughOutNorm(thread, row);
    // Every thread has read dn.
    workgroupBarrier();
    for (var i = thread; i < hidden; i += THREADS) {
      dn[i] = (dn[i] - branches[row * hidden + i] * outNorm.x * outNorm.y) * outNorm.x;
    }
    workgroupBarrier();`;

/** `dTotal`, of every y with what the position behind sends back, from the dh of all: thread i has entry i. */
export const totalProgram = defineProgram({
  name: "stateRecurrence/total",
  buffers: { dy: "in f32", dh: "in f32", keep: "in f32", alpha: "in f32", dTotal: "out f32" },
  uniforms: { count: "u32", time: "u32", hiddenSize: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let hidden = uniforms.hiddenSize;
  let row = index / hidden;
  var sent = 0.0;
  if (row % uniforms.time + 1u < uniforms.time) {
    sent = select(0.0, alpha[index % hidden], keep[row + 1u] > 0.0) * dh[index + hidden];
  }
  dTotal[index] = dy[index] + sent;
}
`,
});
