import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { embeddingLinksProgram, embeddingRowsProgram } from "../programs/embedding-gradient.wgsl.js";
import { embeddingLookupProgram } from "../programs/embedding-lookup.wgsl.js";
import { fillZerosProgram } from "../programs/fill-zeros.wgsl.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const embeddingLookup =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { table, tokens } = inputs as Inputs<"table" | "tokens">;
    const y = runner.allocate(outputShapes.y as number[]);
    const count = sizeOf(y);
    runner.run(embeddingLookupProgram, {
      buffers: { table, tokens, y },
      uniforms: { count, size: table.shape[1] as number },
      groups: groupsOfElements(count),
    });
    return [y];
  };

export const embeddingGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { dy, tokens } = inputs as Inputs<"dy" | "tokens">;
    const shape = outputShapes.dTable as [number, number];
    const positions = sizeOf(tokens);
    if (positions === 0) return [runner.zeros(shape)];
    const dTable = runner.allocate(shape);
    const count = sizeOf(dTable);
    runner.run(fillZerosProgram, {
      buffers: { values: dTable },
      uniforms: { count },
      groups: groupsOfElements(count),
    });
    const links = runner.allocate([positions, 2], "int32");
    runner.run(embeddingLinksProgram, {
      buffers: { tokens, links },
      uniforms: { count: positions },
      groups: groupsOfElements(positions),
    });
    const entries = positions * shape[1];
    runner.run(embeddingRowsProgram, {
      buffers: { dy, tokens, links, dTable },
      uniforms: { count: entries, positions, size: shape[1] },
      groups: groupsOfElements(entries),
    });
    runner.release(links);
    return [dTable];
  };
