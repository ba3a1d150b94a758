import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { cacheWriteProgram } from "../programs/cache-write.wgsl.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import { type Inputs, sizeOf } from "./shapes.js";

export const cacheWrite =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes }) => {
    const { rows, cache } = inputs as Inputs<"rows" | "cache">;
    const written = runner.takeOver(cache);
    const [, capacity, heads, headDim] = cache.shape as [number, number, number, number];
    const slot = heads * headDim;
    const count = sizeOf(rows);
    if (count === 0) return [written];
    runner.run(cacheWriteProgram, {
      buffers: { rows, cache },
      uniforms: {
        count,
        chunkSize: (rows.shape[1] as number) * slot,
        cacheSize: capacity * slot,
        start: (attributes.offset as number) * slot,
      },
      groups: groupsOfElements(count),
    });
    return [written];
  };
