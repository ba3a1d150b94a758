import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfColumns } from "../programs/parts/column-sums.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { stateBlendProgram } from "../programs/state-blend.wgsl.js";
import {
  stateBlendAlphaGradientProgram,
  stateBlendInputGradientProgram,
} from "../programs/state-blend-gradient.wgsl.js";
import { type Inputs, rowsOf } from "./shapes.js";

type BlendInputs = "a" | "state" | "alpha" | "keep";

export const stateBlend =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { a, state, alpha, keep } = inputs as Inputs<BlendInputs>;
    const { rows, size } = rowsOf(a);
    const h = runner.allocate(outputShapes.h as number[]);
    runner.run(stateBlendProgram, {
      buffers: { a, state, alpha, keep, h },
      uniforms: { count: rows * size, size },
      groups: groupsOfElements(rows * size),
    });
    return [h];
  };

export const stateBlendGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { dh, a, state, alpha, keep } = inputs as Inputs<BlendInputs | "dh">;
    const { rows, size } = rowsOf(a);
    const da = runner.allocate(outputShapes.da as number[]);
    const dState = runner.allocate(outputShapes.dState as number[]);
    if (rows === 0) return [da, dState, runner.zeros(outputShapes.dAlpha as number[])];
    const dAlpha = runner.allocate(outputShapes.dAlpha as number[]);
    runner.run(stateBlendInputGradientProgram, {
      buffers: { dh, alpha, keep, da, dState },
      uniforms: { count: rows * size, size },
      groups: groupsOfElements(rows * size),
    });
    runner.run(stateBlendAlphaGradientProgram(rows), {
      buffers: { dh, a, state, keep, dAlpha },
      uniforms: { rows, size },
      groups: groupsOfColumns(size),
    });
    return [da, dState, dAlpha];
  };
