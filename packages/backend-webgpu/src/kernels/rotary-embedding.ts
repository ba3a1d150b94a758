import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { rotaryEmbeddingProgram } from "../programs/rotary-embedding.wgsl.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const rotaryEmbedding =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { x, cos, sin } = inputs as Inputs<"x" | "cos" | "sin">;
    const { offset, iterations, direction } = attributes as { offset: number; iterations: number; direction: string };
    const [, time, heads, headDim] = x.shape as [number, number, number, number];
    const y = runner.allocate(outputShapes.y as number[]);
    const count = sizeOf(x) / 2;
    runner.run(rotaryEmbeddingProgram, {
      buffers: { x, cos, sin, y },
      uniforms: {
        count,
        time,
        heads,
        half: headDim / 2,
        offset,
        iterations,
        direction: direction === "forth" ? 1 : -1,
      },
      groups: groupsOfElements(count),
    });
    return [y];
  };
