/** Importing this package registers the backend `webgpu`. */
import { registerBackend } from "@sst/tensor";
import { webgpuBackend } from "./plugin.js";

registerBackend(webgpuBackend);

export type { Unavailability } from "./adapter.js";
export { type DeviceCounters, deviceCounters } from "./counters.js";
export { deviceBytes } from "./engine.js";
export {
  createWebgpuBackend,
  type WebgpuAvailability,
  type WebgpuBackend,
  type WebgpuOptions,
  webgpuBackend,
} from "./plugin.js";
export { defineProgram, type Program } from "./program.js";
export { ProgramRunner } from "./program-runner.js";
