/** What calls of compiled functions are put together from: pointers, sizes, outputs. */
import type { KernelCall } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmModule } from "../wasm-module.js";

/** Pointers to the named inputs, in order. */
export function pointers(module: WasmModule, { inputs }: KernelCall, ...names: readonly string[]): number[] {
  return names.map((name) => module.pointer(inputs[name] as TensorInfo));
}

/** New tensors for the outputs, in the order of the kernel's definition. */
export function allocateOutputs(module: WasmModule, { outputShapes }: KernelCall): TensorInfo[] {
  return Object.values(outputShapes).map((shape) => module.allocate(shape));
}

export function addresses(module: WasmModule, infos: readonly TensorInfo[]): number[] {
  return infos.map((info) => module.pointer(info));
}

/** An output that takes over the memory of an input that the call uses up. */
export function takeOver(module: WasmModule, input: TensorInfo): TensorInfo {
  module.engine.incRef(input.dataId);
  return { dataId: input.dataId, shape: input.shape, dtype: input.dtype };
}

/**
 * Runs a compiled function that is called as most are: pointers to the named inputs, pointers to all outputs, numbers.
 */
export function run(
  module: WasmModule,
  call: KernelCall,
  name: string,
  inputNames: readonly string[],
  numbers: readonly number[],
): TensorInfo[] {
  const outputs = allocateOutputs(module, call);
  module.call(name, ...pointers(module, call, ...inputNames), ...addresses(module, outputs), ...numbers);
  return outputs;
}

export function shapeOf({ inputs }: KernelCall, name: string): number[] {
  return (inputs[name] as TensorInfo).shape;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((left, right) => left * right, 1);
}

/** A tensor as rows of its last dimension: how many, how long. */
export function rowsOf(call: KernelCall, name: string): [rows: number, size: number] {
  const shape = shapeOf(call, name);
  return [sizeOf(shape.slice(0, -1)), shape.at(-1) as number];
}

/** A numeric attribute. */
export function numberOf({ attributes }: KernelCall, name: string): number {
  return attributes[name] as number;
}
