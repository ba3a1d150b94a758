/** TensorFlow.js' pure JavaScript backend: what runs where WebAssembly is absent, and where it lacks an operation. */
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { getKernelsForBackend, type KernelBackend, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";
import type { CpuRuntime } from "./runtime.js";

export async function createJavaScriptRuntime(): Promise<CpuRuntime> {
  return {
    engine: createEngine(),
    engineKernels: getKernelsForBackend("cpu"),
    ownKernels: {},
    description: "plain JavaScript (no WebAssembly here)",
    features: [],
  };
}

/** The part of the WebAssembly engine that a borrowed operation needs. */
interface TargetEngine extends KernelBackend {
  makeOutput(shape: number[], dtype: TensorInfo["dtype"]): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): { set(values: ArrayLike<number>): void };
}

/**
 * Operations that the JavaScript backend has and `present` lacks, wrapped so that they read their inputs from the other
 * engine's memory and leave their outputs there.
 */
export function borrowedKernels(present: readonly KernelConfig[]): Pick<KernelConfig, "kernelName" | "kernelFunc">[] {
  const missing = missingOperations(present);
  const engine = createEngine();
  return getKernelsForBackend("cpu")
    .filter((kernel) => missing.includes(kernel.kernelName))
    .map((kernel) => ({ kernelName: kernel.kernelName, kernelFunc: borrow(kernel, engine) }));
}

/** Names of the operations that the JavaScript backend has and `present` lacks. */
function missingOperations(present: readonly KernelConfig[]): string[] {
  const names = new Set(present.map((kernel) => kernel.kernelName));
  return getKernelsForBackend("cpu")
    .map((kernel) => kernel.kernelName)
    .filter((name) => !names.has(name));
}

/** Basic operations that WebAssembly lacks: each of their calls copies its inputs to JavaScript, and its outputs back. */
export function borrowedOperations(): string[] {
  return missingOperations(getKernelsForBackend("wasm"));
}

function createEngine(): MathBackendCPU {
  const engine = new MathBackendCPU();
  // Otherwise its first write in Node prints an advertisement for the native binding.
  (engine as unknown as { firstUse: boolean }).firstUse = false;
  return engine;
}

function borrow(kernel: KernelConfig, own: MathBackendCPU): KernelConfig["kernelFunc"] {
  return ({ inputs, attrs, backend }) => {
    const target = backend as TargetEngine;
    const copied = Object.entries(inputs).map(([name, info]) => {
      const { dataId, shape, dtype } = info as TensorInfo;
      return [name, own.makeTensorInfo(shape, dtype, target.readSync(dataId) as never)] as const;
    });
    const result = kernel.kernelFunc({ inputs: Object.fromEntries(copied), attrs: attrs ?? {}, backend: own });
    const outputs = (Array.isArray(result) ? result : [result]).map((info) => {
      const output = target.makeOutput(info.shape, info.dtype);
      target.typedArrayFromHeap(output).set(own.data.get(info.dataId).values as never);
      own.disposeData(info.dataId, true);
      return output;
    });
    for (const [, info] of copied) own.disposeData(info.dataId, true);
    return Array.isArray(result) ? outputs : (outputs[0] as TensorInfo);
  };
}
