/** The state stream: blend, scan, and the exact recurrence, with their gradients. */
import { real } from "../frame.js";
import { Operation } from "../operation.js";
import { activationOf, type CoreCall, type CoreKernel, numberOf, rowsOf, run, shapeOf } from "./arguments.js";

const recurrenceInputs = ["a", "alpha", "keep", "initial", "normWeight", "gate", "up", "down", "outNormWeight"];

export const streamKernels: Readonly<Record<string, CoreKernel>> = {
  stateBlend: (frame, call) =>
    run(frame, call, Operation.stateBlend, ["a", "state", "alpha", "keep"], rowsOf(call, "a")),
  stateBlendGradient: (frame, call) =>
    run(frame, call, Operation.stateBlendGradient, ["dh", "a", "state", "alpha", "keep"], rowsOf(call, "a")),
  affineScan: (frame, call) =>
    run(frame, call, Operation.affineScan, ["coefficient", "offset"], shapeOf(call, "offset")),
  affineScanGradient: (frame, call) =>
    run(frame, call, Operation.affineScanGradient, ["ds", "coefficient", "s"], shapeOf(call, "s")),
  stateRecurrence: (frame, call) => {
    const sizes = recurrenceSizes(call);
    const [batch, , hidden, wide] = sizes;
    const { exports } = frame.core;
    frame.reserveAreas(exports.recurrenceAreaBytes(batch, hidden, wide));
    const scratch = frame.scratch(exports.recurrenceScratchBytes(...sizes));
    const numbers = [...sizes, real(numberOf(call, "epsilon")), activationOf(call), scratch];
    return run(frame, call, Operation.stateRecurrence, recurrenceInputs, numbers);
  },
  stateRecurrenceGradient: (frame, call) => {
    const sizes = recurrenceSizes(call);
    const { exports } = frame.core;
    frame.reserveAreas(exports.recurrenceGradientAreaBytes(...sizes));
    const hasOutNorm = call.inputs.outNormWeight === undefined ? 0 : 1;
    const scratch = frame.scratch(exports.recurrenceGradientScratchBytes(...sizes, hasOutNorm));
    const numbers = [...sizes, real(numberOf(call, "epsilon")), activationOf(call), scratch];
    return run(frame, call, Operation.stateRecurrenceGradient, ["dy", ...recurrenceInputs, "y"], numbers);
  },
};

function recurrenceSizes(call: CoreCall): [batch: number, time: number, hidden: number, wide: number] {
  const [batch, time, hidden] = shapeOf(call, "a") as [number, number, number];
  return [batch, time, hidden, shapeOf(call, "gate")[0] as number];
}
