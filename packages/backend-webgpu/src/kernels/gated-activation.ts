import type { Activation, KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { gatedActivationGradientProgram, gatedActivationProgram } from "../programs/gated-activation.wgsl.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const gatedActivation =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { gate, up } = inputs as Inputs<"gate" | "up">;
    const count = sizeOf(gate);
    const y = runner.allocate(outputShapes.y as number[]);
    runner.run(gatedActivationProgram(attributes.activation as Activation), {
      buffers: { gate, up, y },
      uniforms: { count },
      groups: groupsOfElements(count),
    });
    return [y];
  };

export const gatedActivationGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { dy, gate, up } = inputs as Inputs<"dy" | "gate" | "up">;
    const count = sizeOf(gate);
    const dGate = runner.allocate(outputShapes.dGate as number[]);
    const dUp = runner.allocate(outputShapes.dUp as number[]);
    runner.run(gatedActivationGradientProgram(attributes.activation as Activation), {
      buffers: { dy, gate, up, dGate, dUp },
      uniforms: { count },
      groups: groupsOfElements(count),
    });
    return [dGate, dUp];
  };
