/**
 * The exact recurrence on a GPU: one dispatch runs all positions, forward or backward, and what does not depend on the chain is
 * computed for all positions at once beside it. A single position, and widths that do not fit into a workgroup's memory, are
 * left to the composition, whose every step then occupies the whole device.
 */
import type { Activation, KernelImplementation } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Product } from "../mat-mul.js";
import type { ProgramRunner } from "../program-runner.js";
import { groupsOfElements } from "../programs/parts/elements.js";
import {
  blendedProgram,
  packParametersProgram,
  parameterCount,
  type RecurrenceKind,
  recurrenceChainProgram,
  recurrenceFits,
  stateRecurrenceProgram,
  totalProgram,
} from "../programs/state-recurrence.wgsl.js";
import { gatedActivation, gatedActivationGradient } from "./gated-activation.js";
import { rmsNorm, rmsNormInputGradient } from "./rms-norm.js";
import type { Inputs } from "./shapes.js";

type Recurrence = Inputs<"a" | "alpha" | "keep" | "initial" | "normWeight" | "gate" | "up" | "down"> &
  Partial<Inputs<"outNormWeight">>;

function sizesOf({ a, gate }: Recurrence) {
  const [batch, time, hiddenSize] = a.shape as [number, number, number];
  const wide = gate.shape[0] as number;
  const isOurs = time > 1 && batch * hiddenSize * wide > 0 && recurrenceFits(hiddenSize, wide);
  return { batch, time, hiddenSize, wide, count: batch * time * hiddenSize, isOurs };
}

function kindOf(given: Recurrence, attributes: Readonly<Record<string, unknown>>): RecurrenceKind {
  const { hiddenSize, wide } = sizesOf(given);
  return {
    hiddenSize,
    wide,
    activation: attributes.activation as Activation,
    hasOutNorm: given.outNormWeight !== undefined,
  };
}

export const stateRecurrence =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const given = inputs as Recurrence;
    const { batch, time, hiddenSize, wide, isOurs } = sizesOf(given);
    if (!isOurs) return undefined;
    const kind = kindOf(given, attributes);
    const parameters = packParameters(runner, given, kind, true);
    const y = runner.allocate(outputShapes.y as number[]);
    runner.run(stateRecurrenceProgram(kind), {
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
    const { dy, a, alpha, keep, initial, normWeight, gate, up, down, outNormWeight, y } = given;
    const { batch, time, hiddenSize, wide, count, isOurs } = sizesOf(given);
    if (!isOurs) return undefined;
    const kind = kindOf(given, attributes);
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
    const asRows = (info: TensorInfo, size: number) => ({ ...info, shape: [batch * time, size] });
    const [gates, ups] = [gate, up].map((weight) => product(asRows(n, hiddenSize), weight, { transposeB: true })) as [
      TensorInfo,
      TensorInfo,
    ];

    const wideShape = outputShapes.dGate as number[];
    const [activation] = gatedActivation(runner)({ ...of(wideShape), inputs: { gate: gates, up: ups } }) as [
      TensorInfo,
    ];
    const branches = outNormWeight && product(asRows(activation, wide), down, { transposeB: true });

    const parameters = packParameters(runner, given, kind, false);
    const dh = runner.allocate(outputShapes.dh as number[]);
    runner.run(recurrenceChainProgram(kind), {
      buffers: { dy, h, gates, ups, keep, parameters, branches: branches ?? h, dh },
      uniforms: { time, hiddenSize, wide, epsilon },
      groups: batch,
    });

    const dTotal = runner.allocate(outputShapes.dTotal as number[]);
    runner.run(totalProgram, {
      buffers: { dy, dh, keep, alpha, dTotal },
      uniforms: sizes,
      groups: groupsOfElements(count),
    });
    const sent = asRows(dTotal, hiddenSize);
    const normed = branches && rmsNormInputGradient(runner, { dy: sent, x: branches, weight: outNormWeight }, epsilon);
    const dActivation = product(normed?.dx ?? sent, down, {});
    const [dGate, dUp] = gatedActivationGradient(runner)({
      ...of(wideShape),
      inputs: { dy: dActivation, gate: gates, up: ups },
      outputShapes: { dGate: wideShape, dUp: wideShape },
    }) as [TensorInfo, TensorInfo];
    const outNorm = branches && normed ? [branches, normed.dx, normed.scales] : [];
    for (const scratch of [h, n, gates, ups, parameters, dActivation, ...outNorm]) runner.release(scratch);
    return [dh, dTotal, dGate, dUp, activation];
  };

function packParameters(
  runner: ProgramRunner,
  given: Recurrence,
  kind: RecurrenceKind,
  transposed: boolean,
): TensorInfo {
  // A program has all its buffers: what stands in for the weight is not read.
  const { alpha, normWeight, gate, up, down, outNormWeight = normWeight } = given;
  const { hiddenSize, wide } = kind;
  const count = parameterCount(kind);
  const parameters = runner.allocate([count]);
  runner.run(packParametersProgram(transposed), {
    buffers: { gate, up, down, normWeight, alpha, outNormWeight, parameters },
    uniforms: { count, hiddenSize, wide },
    groups: groupsOfElements(count),
  });
  return parameters;
}
