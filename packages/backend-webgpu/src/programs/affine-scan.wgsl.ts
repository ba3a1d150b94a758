/**
 * A series is one channel of one batch entry; time is cut into sixteen chunks.
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
const CHUNKS = 16;
const THREADS = SERIES * CHUNKS;

/** Workgroups for so many series. */
export function groupsOfSeries(count: number): number {
  return Math.ceil(count / SERIES);
}

const uniforms = { series: "u32", time: "u32", size: "u32" } as const;

/** `s_t = coefficient_t · s_{t-1} + offset_t`, s_{-1} = 0. */
export const affineScanProgram = defineProgram({
  name: "affineScan",
  buffers: { coefficient: "in f32", offset: "in f32", s: "out f32" },
  uniforms,
  threads: THREADS,
  body: () =>
    scan({
      place: "start + step * uniforms.size",
      coefficient: "coefficient[place]",
      offset: "offset[place]",
      leave: "s[place] = state;",
    }),
});

/** The same backwards in time: `dOffset_t = ds_t + coefficient_{t+1} · dOffset_{t+1}`; `dCoefficient_t = dOffset_t · s_{t-1}`. */
export const affineScanGradientProgram = defineProgram({
  name: "affineScanGradient",
  buffers: { ds: "in f32", coefficient: "in f32", s: "in f32", dCoefficient: "out f32", dOffset: "out f32" },
  uniforms,
  threads: THREADS,
  body: () =>
    scan({
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

function scan({ place, coefficient, offset, leave }: Scan): string {
  return `
var<workgroup> factors: array<f32, ${THREADS}>;
var<workgroup> constants: array<f32, ${THREADS}>;

fn run(group: u32, thread: u32) {
  let series = group * ${SERIES}u + thread % ${SERIES}u;
  let chunk = thread / ${SERIES}u;
  let length = (uniforms.time + ${CHUNKS - 1}u) / ${CHUNKS}u;
  let first = chunk * length;
  let end = select(0u, min(uniforms.time, first + length), series < uniforms.series);
  let start = (series / uniforms.size) * uniforms.time * uniforms.size + series % uniforms.size;
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
  for (var step = first; step < end; step++) {
    let place = ${place};
    if (step == 0u) {
      state = ${offset};
    } else {
      state = ${coefficient} * state + ${offset};
    }
    ${leave}
  }
}
`;
}
