/**
 * What a kernel of ours is written against: it asks where its inputs lie, for room for its outputs, and says which steps
 * to run. A frame that runs them at once makes an operation of it, one that writes them down a part of a plan.
 */
import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import { type Core, floatBits } from "./core.js";
import type { CpuEngine } from "./engine.js";
import type { Operation } from "./operation.js";

export interface Frame {
  readonly core: Core;
  /** Where a tensor's values lie. */
  address(info: TensorInfo): number;
  /** A new tensor whose values are yet to be written. */
  output(shape: readonly number[], dtype?: DataType): TensorInfo;
  /** An output on the memory of an input: one that the call uses up, or looks at in another shape. */
  takeOver(input: TensorInfo, shape?: readonly number[]): TensorInfo;
  /** Room that the steps of one call share. */
  scratch(bytes: number): number;
  /** Makes every thread's own work area at least so large. */
  reserveAreas(bytesPerThread: number): void;
  /** Runs an operation; `words` are addresses, sizes, and floats by `real`. */
  step(operation: Operation, words: readonly number[]): void;
}

/** The word for a float argument. */
export const real = floatBits;

/** A frame that runs steps at once. */
export function immediateFrame(engine: CpuEngine): Frame {
  const { core } = engine;
  return {
    core,
    address: ({ dataId }) => engine.address(dataId),
    output: (shape, dtype) => engine.allocate(shape as number[], dtype),
    takeOver: (input, shape) => engine.share(input, shape as number[] | undefined),
    scratch: core.scratch,
    reserveAreas: core.reserveAreas,
    step: core.execute,
  };
}
