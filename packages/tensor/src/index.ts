export { type Equation, pullBack, recomputed, solved, valueAndGradients, withoutGradient } from "./autodiff.js";
export {
  type Availability,
  BACKEND_CONTRACT_VERSION,
  type Backend,
  type BackendContext,
  type BackendDefinition,
  type BackendRuntime,
  type Capabilities,
  defineBackend,
} from "./backend.js";
export { type CompiledPlan, type CompileOptions, compile } from "./compile.js";
export { SstError, type SstErrorCode } from "./errors.js";
export { fromHalf, toHalf } from "./float16.js";
export {
  type AnyKernel,
  type Kernel,
  type KernelCall,
  type KernelImplementation,
  type KernelImplementations,
  kernels,
} from "./kernel.js";
export type { AttributeSpec, KernelDefinition, TensorSpec } from "./kernel-definition.js";
export * from "./kernels/index.js";
export { activeDevice, type LiveDevice } from "./live-device.js";
export * from "./ops.js";
export type { Plan, PlanCall, PlanCarry, PlanProgram, PlanValue } from "./plan.js";
export {
  BLOCK_SIZE,
  type IntegerFormat,
  integerFormats,
  NF4_BLOCK_SIZE,
  nf4Values,
  type PackedMatrix,
  packedBytes,
  packMatrix,
  unpackMatrix,
  type WeightFormat,
  weightBits,
  weightFormats,
} from "./quantization.js";
export { Random } from "./random.js";
export {
  activeBackend,
  type Device,
  devices,
  disposeBackend,
  memory,
  type ReadyDevice,
  ready,
  registerBackend,
} from "./registry.js";
export { TensorUpload } from "./tensor-upload.js";
export { turnOfTheLoop } from "./turn-of-the-loop.js";
