/** Our compiled kernels, instantiated on the engine's memory, and what calling them needs: pointers and scratch space. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { kernelsWasmBase64 } from "./generated/kernels-wasm.js";

type WasmFunction = (...values: (number | boolean)[]) => number;

/** The parts of the engine's Emscripten module that are not in its types. */
interface EngineModule {
  /** All of the memory; a new view after it has grown. */
  readonly HEAPU8: Uint8Array;
  readonly asm: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(pointer: number): void;
}

export class WasmModule {
  #scratch = 0;
  #scratchBytes = 0;

  constructor(
    readonly engine: BackendWasm,
    readonly exports: Readonly<Record<string, WasmFunction>>,
  ) {}

  /** The engine's memory, as bytes. */
  get heap(): Uint8Array {
    return engineModule(this.engine).HEAPU8;
  }

  /** Where a tensor's values lie. */
  pointer(info: TensorInfo): number {
    return this.engine.getMemoryOffset(info.dataId);
  }

  /** A float32 tensor whose values are yet to be written. */
  allocate(shape: number[]): TensorInfo {
    return this.engine.makeOutput(shape, "float32");
  }

  /** A work area of at least so many bytes, good until the next call. It grows to the largest that was asked for. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      const heap = engineModule(this.engine);
      if (this.#scratchBytes > 0) heap._free(this.#scratch);
      this.#scratch = heap._malloc(bytes) >>> 0;
      this.#scratchBytes = bytes;
    }
    return this.#scratch;
  }

  /** Calls an exported kernel by name. */
  call(name: string, ...values: (number | boolean)[]): number {
    return (this.exports[name] as WasmFunction)(...values);
  }
}

function engineModule(engine: BackendWasm): EngineModule {
  return engine.wasm as unknown as EngineModule;
}

/** @returns undefined where the engine of this machine has no SIMD */
export async function instantiateKernels(engine: BackendWasm): Promise<WasmModule | undefined> {
  const bytes = Uint8Array.from(atob(kernelsWasmBase64), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return undefined;
  const { memory } = engineModule(engine).asm;
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  return new WasmModule(engine, instance.exports as unknown as Record<string, WasmFunction>);
}
