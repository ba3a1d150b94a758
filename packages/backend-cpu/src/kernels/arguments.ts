/** What calls of compiled kernels are put together from. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { Activation } from "../activation.js";
import type { Frame } from "../frame.js";
import type { Operation } from "../operation.js";

/** A call of a kernel of the contract, as far as its implementation here needs it. */
export interface CoreCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputShapes: Readonly<Record<string, number[]>>;
}

/** An implementation: one info per output, in the order of the definition. */
export type CoreKernel = (frame: Frame, call: CoreCall) => TensorInfo[];

/** Addresses of the named inputs, in order; 0 for one that was left out. */
export function addresses(frame: Frame, { inputs }: CoreCall, names: readonly string[]): number[] {
  return names.map((name) => (inputs[name] === undefined ? 0 : frame.address(inputs[name])));
}

/** New tensors for the outputs, in the order of the kernel's definition. */
export function newOutputs(frame: Frame, { outputShapes }: CoreCall): TensorInfo[] {
  return Object.values(outputShapes).map((shape) => frame.output(shape));
}

/** Runs an operation that is called as most are: addresses of the named inputs, addresses of all outputs, numbers. */
export function run(
  frame: Frame,
  call: CoreCall,
  operation: Operation,
  inputNames: readonly string[],
  numbers: readonly number[],
): TensorInfo[] {
  const outputs = newOutputs(frame, call);
  frame.step(operation, [
    ...addresses(frame, call, inputNames),
    ...outputs.map((info) => frame.address(info)),
    ...numbers,
  ]);
  return outputs;
}

export function shapeOf({ inputs }: CoreCall, name: string): number[] {
  return (inputs[name] as TensorInfo).shape;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((left, right) => left * right, 1);
}

/** A tensor as rows of its last dimension: how many, how long. */
export function rowsOf(call: CoreCall, name: string): [rows: number, size: number] {
  const shape = shapeOf(call, name);
  return [sizeOf(shape.slice(0, -1)), shape.at(-1) as number];
}

/** A numeric attribute. */
export function numberOf({ attributes }: CoreCall, name: string): number {
  return attributes[name] as number;
}

/** The attribute `activation` as the word for it. */
export function activationOf({ attributes }: CoreCall): Activation {
  return Activation[attributes.activation as keyof typeof Activation];
}
