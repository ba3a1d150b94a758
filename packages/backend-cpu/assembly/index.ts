/**
 * The kernels of `@sst/backend-cpu` in WebAssembly with SIMD, on memory that is handed in: pointers in, nothing
 * allocated. The same module runs on every thread, and all of them see one memory.
 */
export { attentionAreaBytes, attentionGradientAreaBytes } from "./attention/attention";
export { matMulAreaBytes, matMulScratchBytes } from "./matrix/mat-mul";
export { quantizedAreaBytes } from "./quantized/factors";
export { quantizedScratchBytes } from "./quantized/few-rows";
export { recurrenceGradientAreaBytes, recurrenceGradientScratchBytes } from "./recurrence/backward";
export { recurrenceAreaBytes, recurrenceScratchBytes } from "./recurrence/forward";
export { run } from "./run";
export { help } from "./threads";
