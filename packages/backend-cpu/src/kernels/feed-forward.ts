/** Norm and gated activation, with their gradients. */
import type { KernelImplementations } from "@sst/tensor";
import type { WasmModule } from "../wasm-module.js";
import { numberOf, rowsOf, run, shapeOf, sizeOf } from "./arguments.js";

export function feedForwardKernels(module: WasmModule): KernelImplementations {
  return {
    rmsNorm: (call) => run(module, call, "rmsNorm", ["x", "weight"], [...rowsOf(call, "x"), numberOf(call, "epsilon")]),
    rmsNormGradient: (call) =>
      run(module, call, "rmsNormGradient", ["dy", "x", "weight"], [...rowsOf(call, "x"), numberOf(call, "epsilon")]),
    gatedActivation: (call) => run(module, call, "gatedActivation", ["gate", "up"], [sizeOf(shapeOf(call, "gate"))]),
    gatedActivationGradient: (call) =>
      run(module, call, "gatedActivationGradient", ["dy", "gate", "up"], [sizeOf(shapeOf(call, "gate"))]),
  };
}
