export { valueAndGradients, withoutGradient } from "./autodiff.js";
export {
  type Availability,
  activeBackend,
  BACKEND_CONTRACT_VERSION,
  type Backend,
  type Device,
  devices,
  type InitializedBackend,
  memory,
  ready,
  registerBackend,
} from "./backend.js";
export { SstError, type SstErrorCode } from "./errors.js";
export { type Kernel, type KernelDefinition, type KernelImplementation, kernels, type TensorSpec } from "./kernel.js";
export * from "./kernels/index.js";
export * from "./ops.js";
export { Random } from "./random.js";
