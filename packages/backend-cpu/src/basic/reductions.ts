/** Sums over the last axes, or over the first; the index of the largest along the last. */
import { util } from "@tensorflow/tfjs-core";
import { sizeOf } from "../kernels/arguments.js";
import { Operation } from "../operation.js";
import { type BasicOperation, isFloat } from "./operation.js";

const sum: BasicOperation = (frame, { x }, { axis, keepDims }) => {
  if (x === undefined || !isFloat(x) || x.shape.includes(0)) return undefined;
  const axes = util.parseAxisParam(axis as number[], x.shape).toSorted((left, right) => left - right);
  const rank = x.shape.length;
  const isLast = axes.every((each, index) => each === rank - axes.length + index);
  const isFirst = axes.every((each, index) => each === index);
  if (!isLast && !isFirst) return undefined;
  const kept = x.shape.filter((_, index) => !axes.includes(index));
  const shape = keepDims ? x.shape.map((size, index) => (axes.includes(index) ? 1 : size)) : kept;
  const result = frame.output(shape);
  const count = sizeOf(kept);
  const summed = sizeOf(x.shape) / count;
  const [from, to] = [frame.address(x), frame.address(result)];
  if (isLast) frame.step(Operation.sumRows, [from, to, count, summed]);
  else frame.step(Operation.sumColumns, [from, to, summed, count]);
  return result;
};

/** The first of the largest. */
const argMax: BasicOperation = (frame, { x }, { axis }) => {
  if (x === undefined || !isFloat(x) || x.shape.includes(0)) return undefined;
  const [along, ...others] = util.parseAxisParam(axis as number, x.shape);
  if (along !== x.shape.length - 1 || others.length > 0) return undefined;
  const shape = x.shape.slice(0, -1);
  const result = frame.output(shape, "int32");
  frame.step(Operation.argMax, [frame.address(x), frame.address(result), sizeOf(shape), x.shape[along] as number]);
  return result;
};

export const reductions: Readonly<Record<string, BasicOperation>> = { ArgMax: argMax, Sum: sum };
