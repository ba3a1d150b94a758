/** The plugin object: `@sst/backend-cpu` as `@sst/tensor` sees it. */
import { defineBackend } from "@sst/tensor";
import { createJavaScriptRuntime } from "./javascript-engine.js";
import { createWasmRuntime } from "./wasm-engine.js";

/** Runs everywhere: on WebAssembly where there is any, on plain JavaScript elsewhere. */
export const cpuBackend = defineBackend({
  contractVersion: 2,
  name: "cpu",
  priority: 10,
  isAvailable: async () => ({ available: true }),
  initialize: () => (typeof WebAssembly === "object" ? createWasmRuntime() : createJavaScriptRuntime()),
  capabilities: ({ description, features }) => ({
    description,
    dataTypes: ["float32", "int32", "bool"],
    features,
    // The address space of 32-bit WebAssembly.
    limits: features.includes("webassembly") ? { heapBytes: 2 ** 32 } : {},
  }),
  kernels: ({ ownKernels }) => ownKernels,
  dispose: ({ engine }) => engine.dispose(),
});
