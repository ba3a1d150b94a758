/** The plugin while it is live: the engine on the compiled module, or on plain JavaScript where there is none. */
import type { BackendRuntime, KernelImplementations } from "@sst/tensor";
import { getKernelsForBackend, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";
import { basicOperations } from "./basic/index.js";
import { type Core, createCore } from "./core.js";
import { CpuEngine } from "./engine.js";
import { type Frame, immediateFrame } from "./frame.js";
import { createJavaScriptEngine } from "./javascript-engine.js";
import { coreKernels } from "./kernels/index.js";
import { helpedPieces as piecesOf } from "./threads.js";

export interface CpuRuntime extends BackendRuntime {
  readonly ownKernels: KernelImplementations;
  /** Absent on plain JavaScript. */
  readonly core?: Core;
}

let live: Core | undefined;

/** Size of the WebAssembly heap, 0 before it exists. It grows and never shrinks: what a leak would show in. */
export function heapBytes(): number {
  return live?.heap.bytes.length ?? 0;
}

/** Pieces of work that other threads than the calling one have done so far: whether they help at all. */
export function helpedPieces(): number {
  return live === undefined ? 0 : piecesOf(live.heap);
}

/** Basic operations that are not compiled: they run in JavaScript, on the same memory. */
export function borrowedOperations(): string[] {
  return javaScriptKernels()
    .map(({ kernelName }) => kernelName)
    .filter((name) => !(name in basicOperations));
}

export async function createRuntime(threads: number): Promise<CpuRuntime> {
  const core = typeof WebAssembly === "object" ? await createCore(threads) : undefined;
  if (core === undefined) {
    return { engine: createJavaScriptEngine(), engineKernels: javaScriptKernels(), ownKernels: {} };
  }
  live = core;
  const engine = new CpuEngine(core);
  const frame = immediateFrame(engine);
  const ownKernels = Object.entries(coreKernels).map(([name, kernel]) => [
    name,
    (call: Parameters<typeof kernel>[1]) => kernel(frame, call),
  ]);
  return {
    core,
    engine,
    engineKernels: javaScriptKernels().map((kernel) => compiledFirst(frame, kernel)),
    ownKernels: Object.fromEntries(ownKernels),
    writeRange: (...range) => engine.writeRange(...range),
    bytesInUse: () => engine.bytesInUse,
  };
}

function javaScriptKernels(): KernelConfig[] {
  return getKernelsForBackend("cpu");
}

/** The compiled operation, and JavaScript's for what that does not do. */
function compiledFirst(frame: Frame, kernel: KernelConfig): KernelConfig {
  const operation = basicOperations[kernel.kernelName];
  if (operation === undefined) return kernel;
  return {
    ...kernel,
    kernelFunc: (call) =>
      operation(frame, call.inputs as Record<string, TensorInfo>, call.attrs ?? {}) ?? kernel.kernelFunc(call),
  };
}
