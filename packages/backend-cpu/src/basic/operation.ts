/** TensorFlow.js' basic operations, as far as they are compiled here; JavaScript has the rest. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Frame } from "../frame.js";

/** Inputs by name; operations on any number of tensors have them as a list. */
export type BasicInputs = Readonly<Record<string, TensorInfo>>;

/** Does one operation, or returns undefined for what it does not do: other types, shapes that are rare. */
export type BasicOperation = (
  frame: Frame,
  inputs: BasicInputs,
  attributes: Readonly<Record<string, unknown>>,
) => TensorInfo | TensorInfo[] | undefined;

export function isFloat(...infos: readonly TensorInfo[]): boolean {
  return infos.every(({ dtype }) => dtype === "float32");
}

/** Types of four bytes: what a copy may move without knowing more. */
export function isWord({ dtype }: TensorInfo): boolean {
  return dtype === "float32" || dtype === "int32";
}
