/** Sizes of tensors, as kernels need them. */
import type { TensorInfo } from "@tensorflow/tfjs-core";

export type Inputs<Name extends string> = Readonly<Record<Name, TensorInfo>>;

export function sizeOf({ shape }: TensorInfo): number {
  return shape.reduce((left, right) => left * right, 1);
}

/** A tensor as rows of its last dimension. */
export function rowsOf({ shape }: TensorInfo): { rows: number; size: number } {
  const size = shape.at(-1) as number;
  return { rows: shape.slice(0, -1).reduce((left, right) => left * right, 1), size };
}
