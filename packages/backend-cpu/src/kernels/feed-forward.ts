/** Norm and gated activation, with their gradients. */
import { real } from "../frame.js";
import { Operation } from "../operation.js";
import { type CoreKernel, numberOf, rowsOf, run, shapeOf, sizeOf } from "./arguments.js";

export const feedForwardKernels: Readonly<Record<string, CoreKernel>> = {
  rmsNorm: (frame, call) => {
    const numbers = [...rowsOf(call, "x"), real(numberOf(call, "epsilon"))];
    return run(frame, call, Operation.rmsNorm, ["x", "weight"], numbers);
  },
  rmsNormGradient: (frame, call) => {
    const numbers = [...rowsOf(call, "x"), real(numberOf(call, "epsilon"))];
    return run(frame, call, Operation.rmsNormGradient, ["dy", "x", "weight"], numbers);
  },
  gatedActivation: (frame, call) =>
    run(frame, call, Operation.gatedActivation, ["gate", "up"], [sizeOf(shapeOf(call, "gate"))]),
  gatedActivationGradient: (frame, call) =>
    run(frame, call, Operation.gatedActivationGradient, ["dy", "gate", "up"], [sizeOf(shapeOf(call, "gate"))]),
};
