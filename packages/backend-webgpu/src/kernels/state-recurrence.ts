/**
 * The exact recurrence on a GPU: one dispatch runs all positions, forward or backward, and what does not depend on the chain is
 * computed for all positions at once beside it. A single position, and widths that do not fit into a workgroup's memory, are
 * left to the composition, whose every step then occupies the whole device.
 */
import type { KernelImplementation } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Product } from "../mat-mul.js";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import {
  blendedProgram,
  packParametersProgram,
  parameterCount,
  recurrenceChainProgram,
  recurrenceFits,
  stateRecurrenceProgram,
  totalProgram,
} from "../programs/state-recurrence.wgsl.js";
import { gatedActivation, gatedActivationGradient } from "./gated-activation.js";
import { rmsNorm } from "./rms-norm.js";
import type { Inputs } from "./shapes.js";

type Recurrence = Inputs<"a" | "alpha" | "keep" | "initial" | "normWeight" | "gate" | "up" | "down">;

function sizesOf({ a, gate }: Recurrence) {
  const [batch, time, hiddenSize] = a.shape as [number, number, number];
  const wide = gate.shape[0] as number;
  const isOurs = time > 1 && batch * hiddenSize * wide > 0 && recurrenceFits(hiddenSize, wide);
  return { batch, time, hiddenSize, wide, count: batch * time * hiddenSize, isOurs };
}

export const stateRecurrence =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const given = inputs as Recurrence;
    const { batch, time, hiddenSize, wide, isOurs } = sizesOf(given);
    if (!isOurs) return undefined;
    const parameters = packParameters(runner, given, true);
    const y = runner.allocate(outputShapes.y as number[]);
    runner.run(stateRecurrenceProgram(hiddenSize, wide), {
      buffers: { a: given.a, keep: given.keep, initial: given.initial, parameters, y },
      uniforms: { time, hiddenSize, wide, epsilon: attributes.epsilon as number },
      groups: batch,
    });
    runner.release(parameters);
    return [y];
  };

export const stateRecurrenceGradient =
  (runner: ProgramRunner, product: Product): KernelImplementation =>
  ({ inputs, attributes, outputShapes, engine }) => {
    const given = inputs as Recurrence & Inputs<"dy" | "y">;
    const { dy, a, alpha, keep, initial, normWeight, gate, up, down, y } = given;
    const { batch, time, hiddenSize, wide, count, isOurs } = sizesOf(given);
    if (!isOurs) return undefined;
    const epsilon = attributes.epsilon as number;
    const sizes = { count, time, hiddenSize };
    const of = (shape: readonly number[]) => ({ engine, attributes, outputShapes: { y: [...shape] } });

    const h = runner.allocate(a.shape);
    runner.run(blendedProgram, {
      buffers: { a, keep, initial, alpha, y, h },
      uniforms: sizes,
      groups: groupsOfElements(count),
    });
    const [n] = rmsNorm(runner)({ ...of(h.shape), inputs: { x: h, weight: normWeight } }) as [TensorInfo];
    const rows = { ...n, shape: [batch * time, hiddenSize] };
    const [gates, ups] = [gate, up].map((weight) => product(rows, weight, { transposeB: true })) as [
      TensorInfo,
      TensorInfo,
    ];

    const parameters = packParameters(runner, given, false);
    const dh = runner.allocate(outputShapes.dh as number[]);
    runner.run(recurrenceChainProgram(hiddenSize, wide), {
      buffers: { dy, h, gates, ups, keep, parameters, dh },
      uniforms: { time, hiddenSize, wide, epsilon },
      groups: batch,
    });

    const dTotal = runner.allocate(outputShapes.dTotal as number[]);
    runner.run(totalProgram, {
      buffers: { dy, dh, keep, alpha, dTotal },
      uniforms: sizes,
      groups: groupsOfElements(count),
    });
    const dActivation = product({ ...dTotal, shape: [batch * time, hiddenSize] }, down, {});
    const wideShape = outputShapes.dGate as number[];
    const [dGate, dUp] = gatedActivationGradient(runner)({
      ...of(wideShape),
      inputs: { dy: dActivation, gate: gates, up: ups },
      outputShapes: { dGate: wideShape, dUp: wideShape },
    }) as [TensorInfo, TensorInfo];
    const [activation] = gatedActivation(runner)({ ...of(wideShape), inputs: { gate: gates, up: ups } }) as [
      TensorInfo,
    ];
    for (const scratch of [h, n, gates, ups, parameters, dActivation]) runner.release(scratch);
    return [dh, dTotal, dGate, dUp, activation];
  };

function packParameters(runner: ProgramRunner, given: Recurrence, transposed: boolean): TensorInfo {
  const { alpha, normWeight, gate, up, down } = given;
  const { hiddenSize, wide } = sizesOf(given);
  const count = parameterCount(hiddenSize, wide);
  const parameters = runner.allocate([count]);
  runner.run(packParametersProgram(transposed), {
    buffers: { gate, up, down, normWeight, alpha, parameters },
    uniforms: { count, hiddenSize, wide },
    groups: groupsOfElements(count),
  });
  return parameters;
}
