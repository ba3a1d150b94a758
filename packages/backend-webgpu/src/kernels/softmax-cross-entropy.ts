import type { KernelImplementation } from "@sst/tensor";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfRows } from "../programs/parts/rows.js";
import {
  softmaxCrossEntropyGradientProgram,
  softmaxCrossEntropyProgram,
} from "../programs/softmax-cross-entropy.wgsl.js";
import { type Inputs, rowsOf } from "./shapes.js";

export const softmaxCrossEntropy =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { logits, labels } = inputs as Inputs<"logits" | "labels">;
    const { rows, size } = rowsOf(logits);
    const loss = runner.allocate(outputShapes.loss as number[]);
    runner.run(softmaxCrossEntropyProgram(size), {
      buffers: { logits, labels, loss },
      uniforms: { rows, size },
      groups: groupsOfRows(rows, size),
    });
    return [loss];
  };

export const softmaxCrossEntropyGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, outputShapes }) => {
    const { dLoss, logits, labels } = inputs as Inputs<"dLoss" | "logits" | "labels">;
    const { rows, size } = rowsOf(logits);
    const dLogits = runner.allocate(outputShapes.dLogits as number[]);
    runner.run(softmaxCrossEntropyGradientProgram(size), {
      buffers: { dLoss, logits, labels, dLogits },
      uniforms: { rows, size },
      groups: groupsOfRows(rows, size),
    });
    return [dLogits];
  };
