/** The plugin object: `@sst/backend-cpu` as `@sst/tensor` sees it. */
import { BACKEND_CONTRACT_VERSION, type Backend } from "@sst/tensor";
import { createJavaScriptBackend } from "./javascript-engine.js";
import { createWasmBackend } from "./wasm-engine.js";

/** Runs everywhere: on WebAssembly where there is any, on plain JavaScript elsewhere. */
export const cpuBackend: Backend = {
  contractVersion: BACKEND_CONTRACT_VERSION,
  name: "cpu",
  priority: 10,
  isAvailable: async () => ({ available: true }),
  initialize: () => (typeof WebAssembly === "object" ? createWasmBackend() : createJavaScriptBackend()),
};
