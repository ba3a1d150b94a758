/**
 * TensorFlow.js' WebAssembly backend with our kernels beside it on the same memory: for the basic operations theirs, for
 * matrix products and everything that this project exists for ours.
 */
import { SstError } from "@sst/tensor";
import { BackendWasm, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { env, findBackendFactory, getKernelsForBackend } from "@tensorflow/tfjs-core";
import { borrowedKernels } from "./javascript-engine.js";
import { createKernels } from "./kernels/index.js";
import { createMatMulKernels } from "./mat-mul.js";
import type { CpuRuntime } from "./runtime.js";
import { instantiateKernels, type WasmModule } from "./wasm-module.js";

let live: WasmModule | undefined;

/** Size of the WebAssembly heap, 0 before it exists. It grows and never shrinks: what a leak would show in. */
export function heapBytes(): number {
  return live?.heap.length ?? 0;
}

export async function createWasmRuntime(): Promise<CpuRuntime> {
  const engine = await createEngine();
  const basic = getKernelsForBackend("wasm");
  const borrowed = borrowedKernels(basic);
  const module = await instantiateKernels(engine);
  if (module === undefined) {
    return {
      engine,
      engineKernels: [...basic, ...borrowed],
      ownKernels: {},
      description: "WebAssembly without SIMD, one thread",
      features: ["webassembly"],
    };
  }
  live = module;
  const matMuls = createMatMulKernels(module, basic);
  const replaced = new Set(matMuls.map((kernel) => kernel.kernelName));
  return {
    engine,
    engineKernels: [...basic.filter((kernel) => !replaced.has(kernel.kernelName)), ...borrowed, ...matMuls],
    ownKernels: createKernels(module),
    description: "WebAssembly with SIMD, one thread",
    features: ["webassembly", "simd"],
  };
}

async function createEngine(): Promise<BackendWasm> {
  // The threaded build needs shared memory, which our module does not import.
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (!env().getBool("IS_NODE")) {
    const simd = new URL("../wasm/tfjs-backend-wasm-simd.wasm", import.meta.url).href;
    setWasmPaths({
      "tfjs-backend-wasm.wasm": new URL("../wasm/tfjs-backend-wasm.wasm", import.meta.url).href,
      "tfjs-backend-wasm-simd.wasm": simd,
      // Never loaded, but the engine wants an address for each of its builds.
      "tfjs-backend-wasm-threaded-simd.wasm": simd,
    });
  }
  const engine = await findBackendFactory("wasm")();
  if (!(engine instanceof BackendWasm)) {
    throw new SstError("backend-unavailable", "TensorFlow.js' WebAssembly backend has another shape than expected");
  }
  return engine;
}
