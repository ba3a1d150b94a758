/**
 * The exact recurrence of one layer: a workgroup takes one sequence through all its positions, with the vectors of a step in
 * workgroup memory and a barrier where one part of the step needs all of another.
 *
 *     h ─ norm ─→ n ──(gate, up)──→ activation ──(down)──→ y = h + …, the next position's state
 *
 * Every entry of a product is one thread's, added up term by term in order, as `mat-mul-block.wgsl.ts` adds; the norm adds
 * like `rms-norm.wgsl.ts`: so a stream that blends nothing gives the bits of the plain network.
 */
import { defineProgram } from "../program.js";
import { logistic } from "./gated-activation.wgsl.js";
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

/**
 * The layer's parameters in one buffer, for a shader may have few: gate, up and down, then the norm's weight and alpha. Matrices
 * are laid out so that neighbouring threads read neighbouring entries: transposed for the way forward, as they are for the way back.
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
    parameters[index] = select(alpha[entry % hidden], normWeight[entry % hidden], entry < hidden);
  }
}
`,
  });

/** Floats that `packParametersProgram` writes. */
export function parameterCount(hiddenSize: number, wide: number): number {
  return 3 * hiddenSize * wide + 2 * hiddenSize;
}

/** Where the parts lie. */
const parts = `
  let hidden = uniforms.hiddenSize;
  let wide = uniforms.wide;
  let UP = hidden * wide;
  let DOWN = 2u * UP;
  let NORM = 3u * UP;
  let ALPHA = NORM + hidden;`;

/** A sequence is a workgroup. */
export const stateRecurrenceProgram = (hiddenSize: number, wide: number) =>
  defineProgram({
    name: "stateRecurrence",
    variant: `${hiddenSize} by ${wide}`,
    buffers: { a: "in f32", keep: "in f32", initial: "in f32", parameters: "in f32", y: "out f32" },
    uniforms: { time: "u32", hiddenSize: "u32", wide: "u32", epsilon: "f32" },
    threads: THREADS,
    body: () => `${numbers}${logistic}${rowSums(hiddenSize, THREADS)}
const THREADS = ${THREADS}u;
var<workgroup> h: array<f32, ${hiddenSize}>;
var<workgroup> n: array<f32, ${hiddenSize}>;
var<workgroup> activation: array<f32, ${wide}>;

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
    var squares = 0.0;
    for (var i = thread % LANES; i < hidden; i += LANES) {
      squares += h[i] * h[i];
    }
    let scale = 1.0 / sqrt(sumOverRow(thread, squares) / f32(hidden) + uniforms.epsilon);
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
      activation[j] = gated * logistic(gated).x * raised;
    }
    workgroupBarrier();
    for (var i = thread; i < hidden; i += THREADS) {
      var branch = 0.0;
      for (var j = 0u; j < wide; j++) {
        branch += activation[j] * parameters[DOWN + j * hidden + i];
      }
      y[row * hidden + i] = h[i] + branch;
    }
    workgroupBarrier();
  }
}
`,
  });

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

/** dh of all positions, the last one first; what a position sends back to the one before stays in workgroup memory. */
export const recurrenceChainProgram = (hiddenSize: number, wide: number) =>
  defineProgram({
    name: "stateRecurrence/chain",
    variant: `${hiddenSize} by ${wide}`,
    buffers: {
      dy: "in f32",
      h: "in f32",
      gates: "in f32",
      ups: "in f32",
      keep: "in f32",
      parameters: "in f32",
      dh: "out f32",
    },
    uniforms: { time: "u32", hiddenSize: "u32", wide: "u32", epsilon: "f32" },
    threads: THREADS,
    body: () => `${numbers}${logistic}${rowSums(hiddenSize, THREADS)}
const THREADS = ${THREADS}u;
var<workgroup> total: array<f32, ${hiddenSize}>;
var<workgroup> dn: array<f32, ${hiddenSize}>;
var<workgroup> dGate: array<f32, ${wide}>;
var<workgroup> dUp: array<f32, ${wide}>;

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
    }
    workgroupBarrier();
    for (var j = thread; j < wide; j += THREADS) {
      var dActivation = 0.0;
      for (var i = 0u; i < hidden; i++) {
        dActivation += total[i] * parameters[DOWN + i * wide + j];
      }
      let gated = gates[row * wide + j];
      let share = logistic(gated);
      let silu = gated * share.x;
      dGate[j] = dActivation * ups[row * wide + j] * (share.x + silu * share.y);
      dUp[j] = dActivation * silu;
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
    var squares = 0.0;
    var products = 0.0;
    for (var i = thread % LANES; i < hidden; i += LANES) {
      let own = h[row * hidden + i];
      squares += own * own;
      products += dn[i] * own;
    }
    let scale = 1.0 / sqrt(sumOverRow(thread, squares) / f32(hidden) + uniforms.epsilon);
    let along = sumOverRow(thread, products) * scale / f32(hidden);
    for (var i = thread; i < hidden; i += THREADS) {
      dh[row * hidden + i] = total[i] + (dn[i] - h[row * hidden + i] * scale * along) * scale;
    }
    workgroupBarrier();
  }
}
`,
  });

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
