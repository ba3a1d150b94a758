/** Tensors of one value. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Frame, real } from "../frame.js";
import { sizeOf } from "../kernels/arguments.js";
import { Operation } from "../operation.js";
import { type BasicOperation, isWord } from "./operation.js";

function filledLike(frame: Frame, x: TensorInfo | undefined, value: number): TensorInfo | undefined {
  if (x === undefined || !isWord(x)) return undefined;
  const result = frame.output(x.shape, x.dtype);
  const word = x.dtype === "float32" ? real(value) : value;
  frame.step(Operation.fill, [frame.address(result), sizeOf(x.shape), word]);
  return result;
}

export const fillOperations: Readonly<Record<string, BasicOperation>> = {
  ZerosLike: (frame, { x }) => filledLike(frame, x, 0),
  OnesLike: (frame, { x }) => filledLike(frame, x, 1),
};
