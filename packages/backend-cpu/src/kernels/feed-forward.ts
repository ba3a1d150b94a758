/** Norm and gated activation, with their gradients. */
import { real } from "../frame.js";
import { Operation } from "../operation.js";
import { activationOf, type CoreCall, type CoreKernel, numberOf, rowsOf, run, shapeOf, sizeOf } from "./arguments.js";

export const feedForwardKernels: Readonly<Record<string, CoreKernel>> = {
  rmsNorm: (frame, call) => {
    const numbers = [...rowsOf(call, "x"), real(numberOf(call, "epsilon"))];
    return run(frame, call, Operation.rmsNorm, ["x", "weight"], numbers);
  },
  rmsNormGradient: (frame, call) => {
    const numbers = [...rowsOf(call, "x"), real(numberOf(call, "epsilon"))];
    return run(frame, call, Operation.rmsNormGradient, ["dy", "x", "weight"], numbers);
  },
  gatedActivation: (frame, call) => run(frame, call, Operation.gatedActivation, ["gate", "up"], gateNumbers(call)),
  gatedActivationGradient: (frame, call) =>
    run(frame, call, Operation.gatedActivationGradient, ["dy", "gate", "up"], gateNumbers(call)),
};

function gateNumbers(call: CoreCall): number[] {
  return [sizeOf(shapeOf(call, "gate")), activationOf(call)];
}
