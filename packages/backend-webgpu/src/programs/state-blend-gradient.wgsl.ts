/**
 * Two programs:
 *
 *     da, dState   thread i: dh[i], alpha[i mod hiddenSize], keep[i div hiddenSize]   → da[i], dState[i]
 *     dAlpha       sixteen columns are the work of a workgroup (parts/column-sums.ts)
 */
import { defineProgram } from "../program.js";
import { columnLanes, columnSums, columnThreads } from "./parts/column-sums.js";
import { ELEMENTS_PER_GROUP, ownElement } from "./parts/elements.js";

/** `da = (1 - alpha) ⊙ dh` and `dState = alpha ⊙ dh` where keep is 1, dh and 0 where it is 0. */
export const stateBlendInputGradientProgram = defineProgram({
  name: "stateBlendGradient/da, dState",
  buffers: { dh: "in f32", alpha: "in f32", keep: "in f32", da: "out f32", dState: "out f32" },
  uniforms: { count: "u32", size: "u32" },
  threads: ELEMENTS_PER_GROUP,
  body: () => `
fn run(group: u32, thread: u32) {
  ${ownElement}
  let share = alpha[index % uniforms.size];
  let precedes = keep[index / uniforms.size] > 0.0;
  da[index] = select(dh[index], (1.0 - share) * dh[index], precedes);
  dState[index] = select(0.0, share * dh[index], precedes);
}
`,
});

/** `dAlpha = Σ dh ⊙ (state - a)` over the positions where keep is 1. */
export const stateBlendAlphaGradientProgram = (rows: number) =>
  defineProgram({
    name: "stateBlendGradient/dAlpha",
    variant: `${columnLanes(rows)} lanes`,
    buffers: { dh: "in f32", a: "in f32", state: "in f32", keep: "in f32", dAlpha: "out f32" },
    uniforms: { rows: "u32", size: "u32" },
    threads: columnThreads(rows),
    body: () => columnSums(rows, "select(0.0, dh[index] * (state[index] - a[index]), keep[row] > 0.0)", "dAlpha"),
  });
