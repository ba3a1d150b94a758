import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { affineScanGradientProgram, affineScanProgram, groupsOfSeries } from "../programs/affine-scan.wgsl.js";
import type { Inputs } from "./shapes.js";

export const affineScan =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { coefficient, offset } = inputs as Inputs<"coefficient" | "offset">;
    const [batch, time, size] = offset.shape as [number, number, number];
    const s = runner.allocate(outputShapes.s as number[]);
    runner.run(affineScanProgram(time), {
      buffers: { coefficient, offset, s },
      uniforms: { series: batch * size, time, size },
      groups: groupsOfSeries(batch * size),
    });
    return [s];
  };

export const affineScanGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { ds, coefficient, s } = inputs as Inputs<"ds" | "coefficient" | "s">;
    const [batch, time, size] = s.shape as [number, number, number];
    const dCoefficient = runner.allocate(outputShapes.dCoefficient as number[]);
    const dOffset = runner.allocate(outputShapes.dOffset as number[]);
    runner.run(affineScanGradientProgram(time), {
      buffers: { ds, coefficient, s, dCoefficient, dOffset },
      uniforms: { series: batch * size, time, size },
      groups: groupsOfSeries(batch * size),
    });
    return [dCoefficient, dOffset];
  };
