/** Running kernels on the device under test with arrays from the host. */
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import type { AnyKernel } from "../kernel.js";
import type { HostArray, HostArrays } from "./host-array.js";
import type { Attributes } from "./kernel-suite.js";

export interface DeviceValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export function upload({ definition }: AnyKernel, inputs: HostArrays): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, array]) => [name, toTensor(array, definition.inputs[name]?.dtype ?? "float32")]),
  );
}

export function toTensor({ shape, data }: HostArray, dtype: "float32" | "int32"): Tensor {
  return tensor(dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), [...shape], dtype);
}

/** The values of tensors, which are used up. */
export async function download(outputs: Readonly<Record<string, Tensor>>): Promise<Record<string, DeviceValues>> {
  const read = await Promise.all(
    Object.entries(outputs).map(async ([name, output]) => {
      const values = Float32Array.from((await output.data()) as Float32Array);
      return [name, { shape: output.shape, values }] as const;
    }),
  );
  for (const output of Object.values(outputs)) output.dispose();
  return Object.fromEntries(read);
}

/** Inputs are let go of before the outputs are read: what is on its way has to arrive all the same. */
export async function runOnDevice(
  kernel: AnyKernel,
  inputs: HostArrays,
  attributes: Attributes,
): Promise<Record<string, DeviceValues>> {
  const tensors = upload(kernel, inputs);
  const outputs = kernel(tensors, attributes);
  for (const each of Object.values(tensors)) each.dispose();
  return download(outputs);
}
