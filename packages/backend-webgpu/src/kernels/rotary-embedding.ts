import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { rotaryEmbeddingByRowProgram, rotaryEmbeddingProgram } from "../programs/rotary-embedding.wgsl.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const rotaryEmbedding =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { x, cos, sin } = inputs as Inputs<"x" | "cos" | "sin">;
    const { ahead } = inputs as Partial<Inputs<"ahead">>;
    const { offset, iterations, direction } = attributes as { offset: number; iterations: number; direction: string };
    const [, time, heads, headDim] = x.shape as [number, number, number, number];
    const y = runner.allocate(outputShapes.y as number[]);
    const count = sizeOf(x) / 2;
    const turning = { x, cos, sin };
    const uniforms = {
      count,
      time,
      heads,
      half: headDim / 2,
      offset,
      iterations,
      direction: direction === "forth" ? 1 : -1,
    };
    const groups = groupsOfElements(count);
    if (ahead === undefined) {
      runner.run(rotaryEmbeddingProgram, { buffers: { ...turning, y }, uniforms, groups });
    } else {
      const positions = cos.shape[0] as number;
      const buffers = { ...turning, ahead, y };
      runner.run(rotaryEmbeddingByRowProgram, { buffers, uniforms: { ...uniforms, positions }, groups });
    }
    return [y];
  };
