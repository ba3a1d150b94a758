import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { cacheWriteByRowProgram, cacheWriteProgram } from "../programs/cache-write.wgsl.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import type { Inputs } from "./shapes.js";

export const cacheWrite =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes }) => {
    const { rows, cache } = inputs as Inputs<"rows" | "cache">;
    const { ahead } = inputs as Partial<Inputs<"ahead">>;
    const written = runner.takeOver(cache);
    const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
    const time = rows.shape[1] as number;
    const slot = heads * headDim;
    // Of more rows than slots the last ones.
    const kept = Math.min(time, capacity);
    const count = batch * kept * slot;
    if (count === 0) return [written];
    const first = (attributes.offset as number) + time - kept;
    if (ahead !== undefined) {
      runner.run(cacheWriteByRowProgram, {
        buffers: { rows, cache, ahead },
        uniforms: { count, kept, time, capacity, size: slot, offset: attributes.offset as number },
        groups: groupsOfElements(count),
      });
      return [written];
    }
    runner.run(cacheWriteProgram, {
      buffers: { rows, cache },
      uniforms: {
        count,
        chunkSize: kept * slot,
        rowsSize: time * slot,
        cacheSize: capacity * slot,
        start: (first % capacity) * slot,
      },
      groups: groupsOfElements(count),
    });
    return [written];
  };
