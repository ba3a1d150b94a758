import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfColumns } from "../programs/parts/column-sums.js";
import { groupsOfRows } from "../programs/parts/rows.js";
import { rmsNormProgram } from "../programs/rms-norm.wgsl.js";
import { rmsNormInputGradientProgram, rmsNormWeightGradientProgram } from "../programs/rms-norm-gradient.wgsl.js";
import { type Inputs, rowsOf } from "./shapes.js";

export const rmsNorm =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { x, weight } = inputs as Inputs<"x" | "weight">;
    const { rows, size } = rowsOf(x);
    const y = runner.allocate(outputShapes.y as number[]);
    runner.run(rmsNormProgram(size), {
      buffers: { x, weight, y },
      uniforms: { rows, size, epsilon: attributes.epsilon as number },
      groups: groupsOfRows(rows, size),
    });
    return [y];
  };

export const rmsNormGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { dy, x, weight } = inputs as Inputs<"dy" | "x" | "weight">;
    const { rows, size } = rowsOf(x);
    if (rows === 0) {
      return [runner.allocate(outputShapes.dx as number[]), runner.zeros(outputShapes.dWeight as number[])];
    }
    const dWeight = runner.allocate(outputShapes.dWeight as number[]);
    const { dx, scales } = rmsNormInputGradient(runner, { dy, x, weight }, attributes.epsilon as number);
    runner.run(rmsNormWeightGradientProgram(rows), {
      buffers: { dy, x, scales, dWeight },
      uniforms: { rows, size },
      groups: groupsOfColumns(size),
    });
    runner.release(scales);
    return [dx, dWeight];
  };

/** The gradient for x, and the scale of each row. */
export function rmsNormInputGradient(runner: ProgramRunner, inputs: Inputs<"dy" | "x" | "weight">, epsilon: number) {
  const { rows, size } = rowsOf(inputs.x);
  const dx = runner.allocate(inputs.x.shape);
  const scales = runner.allocate([rows]);
  runner.run(rmsNormInputGradientProgram(size), {
    buffers: { ...inputs, dx, scales },
    uniforms: { rows, size, epsilon },
    groups: groupsOfRows(rows, size),
  });
  return { dx, scales };
}
