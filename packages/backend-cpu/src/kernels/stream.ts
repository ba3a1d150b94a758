/** The state stream: blend, scan, and the exact recurrence, with their gradients. */
import type { KernelCall, KernelImplementations } from "@sst/tensor";
import type { WasmModule } from "../wasm-module.js";
import { numberOf, rowsOf, run, shapeOf } from "./arguments.js";

const recurrenceInputs = ["a", "alpha", "keep", "initial", "normWeight", "gate", "up", "down"];

export function streamKernels(module: WasmModule): KernelImplementations {
  return {
    stateBlend: (call) => run(module, call, "stateBlend", ["a", "state", "alpha", "keep"], rowsOf(call, "a")),
    stateBlendGradient: (call) =>
      run(module, call, "stateBlendGradient", ["dh", "a", "state", "alpha", "keep"], rowsOf(call, "a")),
    affineScan: (call) => run(module, call, "affineScan", ["coefficient", "offset"], shapeOf(call, "offset")),
    affineScanGradient: (call) =>
      run(module, call, "affineScanGradient", ["ds", "coefficient", "s"], shapeOf(call, "s")),
    stateRecurrence: (call) => {
      const [batch, time, hidden, wide] = recurrenceSizes(call);
      const scratch = module.scratch(module.call("stateRecurrenceScratchBytes", batch, hidden, wide));
      const numbers = [batch, time, hidden, wide, numberOf(call, "epsilon"), scratch];
      return run(module, call, "stateRecurrence", recurrenceInputs, numbers);
    },
    stateRecurrenceGradient: (call) => {
      const [batch, time, hidden, wide] = recurrenceSizes(call);
      const scratch = module.scratch(module.call("stateRecurrenceGradientScratchBytes", batch, time, hidden, wide));
      const numbers = [batch, time, hidden, wide, numberOf(call, "epsilon"), scratch];
      return run(module, call, "stateRecurrenceGradient", ["dy", ...recurrenceInputs, "y"], numbers);
    },
  };
}

function recurrenceSizes(call: KernelCall): [batch: number, time: number, hidden: number, wide: number] {
  const [batch, time, hidden] = shapeOf(call, "a") as [number, number, number];
  return [batch, time, hidden, shapeOf(call, "gate")[0] as number];
}
