/** Importing this package registers the backend `cpu`. */
import { registerBackend } from "@sst/tensor";
import { createCpuBackend } from "./plugin.js";

registerBackend(createCpuBackend());

export { type CpuOptions, createCpuBackend } from "./plugin.js";
export { borrowedOperations, heapBytes, helpedPieces } from "./runtime.js";
