/**
 * A series is one channel of one batch entry; a long one is cut into sixteen chunks, a short one is the work of one thread.
 *
 *     workgroup g    series 16 g … 16 g + 15, side by side in memory
 *
 *              chunk 0    chunk 1    chunk 2    …
 *     1st      (A₀, B₀)   (A₁, B₁)   (A₂, B₂)       a thread composes the maps of its chunk: s → A s + B
 *     2nd      0          B₀         A₁ B₀ + B₁     what is carried into each chunk, from workgroup memory
 *     3rd      s s s s    s s s s    s s s s        a thread goes through its chunk again, from what is carried in
 */
import { defineProgram } from "../program.js";

const SERIES = 16;

/** So many steps are not worth a second walk over them. */
const SHORT = 64;

/** Chunks of a series. */
function chunksOf(time: number): number {
  return time <= SHORT ? 1 : 16;
}

/** Workgroups for so many series. */
export function groupsOfSeries(count: number): number {
  return Math.ceil(count / SERIES);
}

const uniforms = { series: "u32", time: "u32", size: "u32" } as const;

/** `s_t = coefficient_t · s_{t-1} + offset_t`, s_{-1} = 0. */
export const affineScanProgram = (time: number) =>
  defineProgram({
    name: "affineScan",
    variant: `${chunksOf(time)} chunks`,
    buffers: { coefficient: "in f32", offset: "in f32", s: "out f32" },
    uniforms,
    threads: SERIES * chunksOf(time),
    body: () =>
      scan(chunksOf(time), {
        place: "start + step * uniforms.size",
        coefficient: "coefficient[place]",
        offset: "offset[place]",
        leave: "s[place] = state;",
      }),
  });

/** The same backwards in time: `dOffset_t = ds_t + coefficient_{t+1} · dOffset_{t+1}`; `dCoefficient_t = dOffset_t · s_{t-1}`. */
export const affineScanGradientProgram = (time: number) =>
  defineProgram({
    name: "affineScanGradient",
    variant: `${chunksOf(time)} chunks`,
    buffers: { ds: "in f32", coefficient: "in f32", s: "in f32", dCoefficient: "out f32", dOffset: "out f32" },
    uniforms,
    threads: SERIES * chunksOf(time),
    body: () =>
      scan(chunksOf(time), {
        place: "start + (uniforms.time - 1u - step) * uniforms.size",
        coefficient: "coefficient[place + uniforms.size]",
        offset: "ds[place]",
        leave: `
      dOffset[place] = state;
      if (step + 1u < uniforms.time) {
        dCoefficient[place] = state * s[place - uniforms.size];
      } else {
        dCoefficient[place] = 0.0;
      }`,
      }),
  });

/** WGSL in `step`, counted in the scan's direction, and `place`, where that step stands in memory. */
interface Scan {
  readonly place: string;
  /** Of every step but the first, which nothing precedes. */
  readonly coefficient: string;
  readonly offset: string;
  /** What to do with `state`. */
  readonly leave: string;
}

function scan(chunks: number, steps: Scan): string {
  return chunks === 1 ? wholeScan(steps) : chunkedScan(chunks, steps);
}

/** From `first` to `end`, with what is carried in as `state`. */
function walk({ place, coefficient, offset, leave }: Scan): string {
  return `
  for (var step = first; step < end; step++) {
    let place = ${place};
    if (step == 0u) {
      state = ${offset};
    } else {
      state = ${coefficient} * state + ${offset};
    }
    ${leave}
  }`;
}

const startOfSeries = "(series / uniforms.size) * uniforms.time * uniforms.size + series % uniforms.size";

function wholeScan(steps: Scan): string {
  return `
fn run(group: u32, thread: u32) {
  let series = group * ${SERIES}u + thread;
  let first = 0u;
  let end = select(0u, uniforms.time, series < uniforms.series);
  let start = ${startOfSeries};
  var state = 0.0;
  ${walk(steps)}
}
`;
}

function chunkedScan(chunks: number, steps: Scan): string {
  const { place, coefficient, offset } = steps;
  return `
var<workgroup> factors: array<f32, ${SERIES * chunks}>;
var<workgroup> constants: array<f32, ${SERIES * chunks}>;

fn run(group: u32, thread: u32) {
  let series = group * ${SERIES}u + thread % ${SERIES}u;
  let length = (uniforms.time + ${chunks - 1}u) / ${chunks}u;
  let first = thread / ${SERIES}u * length;
  let end = select(0u, min(uniforms.time, first + length), series < uniforms.series);
  let start = ${startOfSeries};
  var factor = 1.0;
  var constant = 0.0;
  for (var step = first; step < end; step++) {
    let place = ${place};
    if (step == first) {
      constant = ${offset};
      if (step > 0u) {
        factor = ${coefficient};
      }
    } else {
      let own = ${coefficient};
      factor *= own;
      constant = own * constant + ${offset};
    }
  }
  factors[thread] = factor;
  constants[thread] = constant;
  workgroupBarrier();
  var state = 0.0;
  for (var other = thread % ${SERIES}u; other < thread - thread % ${SERIES}u; other += ${SERIES}u) {
    // A state of 0 stays out of a product whose other factor may have overflowed.
    state = select(factors[other] * state + constants[other], constants[other], state == 0.0);
  }
  ${walk(steps)}
}
`;
}
