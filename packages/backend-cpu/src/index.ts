/** Importing this package registers the backend `cpu`. */
import { registerBackend } from "@sst/tensor";
import { cpuBackend } from "./plugin.js";

registerBackend(cpuBackend);

export { borrowedOperations } from "./javascript-engine.js";
export { cpuBackend } from "./plugin.js";
export { heapBytes } from "./wasm-engine.js";
