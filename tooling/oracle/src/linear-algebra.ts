/** The little that the model needs beside the kernels' oracles, in plain loops. */
import type { HostTensor } from "@sst/layers";
import type { HostArray } from "@sst/tensor/conformance";

export function toFloat64({ shape, data }: HostTensor): HostArray {
  return { shape, data: Float64Array.from(data) };
}

/** `x · weightᵀ` on the last dimension. */
export function linear(x: HostArray, weight: HostArray): HostArray {
  const [outSize, inSize] = weight.shape as [number, number];
  const rows = x.data.length / inSize;
  const data = new Float64Array(rows * outSize);
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outSize; out++) {
      let sum = 0;
      for (let i = 0; i < inSize; i++)
        sum += (x.data[row * inSize + i] as number) * (weight.data[out * inSize + i] as number);
      data[row * outSize + out] = sum;
    }
  }
  return { shape: [...x.shape.slice(0, -1), outSize], data };
}

export function add(left: HostArray, right: HostArray): HostArray {
  return { shape: left.shape, data: left.data.map((value, index) => value + (right.data[index] as number)) };
}

export function reshape({ data }: HostArray, shape: readonly number[]): HostArray {
  return { shape, data };
}
