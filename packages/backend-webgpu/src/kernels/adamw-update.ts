import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { adamwUpdateProgram } from "../programs/adamw-update.wgsl.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const adamwUpdate =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes }) => {
    const { parameter, gradient, m, v, scale } = inputs as Inputs<"parameter" | "gradient" | "m" | "v" | "scale">;
    const { learningRate, rateFactor, beta1, beta2, epsilon, weightDecay, step } = attributes as Record<
      "learningRate" | "rateFactor" | "beta1" | "beta2" | "epsilon" | "weightDecay" | "step",
      number
    >;
    const updated = [parameter, m, v].map((input) => runner.takeOver(input));
    const count = sizeOf(parameter);
    const rate = learningRate * rateFactor;
    runner.run(adamwUpdateProgram, {
      buffers: { gradient, scale, parameter, m, v },
      uniforms: {
        count,
        rate,
        decay: 1 - rate * weightDecay,
        beta1,
        beta2,
        newness1: 1 - beta1,
        newness2: 1 - beta2,
        correction1: 1 - beta1 ** step,
        correction2: 1 - beta2 ** step,
        epsilon,
      },
      groups: groupsOfElements(count),
    });
    return updated;
  };
