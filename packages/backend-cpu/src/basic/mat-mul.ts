/** Matrix products. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Frame } from "../frame.js";
import { sizeOf } from "../kernels/arguments.js";
import { Operation } from "../operation.js";
import { type BasicOperation, isFloat } from "./operation.js";

export interface Product {
  readonly left: number;
  readonly right: number;
  readonly result: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly transposeLeft: boolean;
  readonly transposeRight: boolean;
  readonly scratch: number;
  /** How many products, and by how many floats their operands lie apart. */
  readonly batch?: number;
  readonly leftStep?: number;
  readonly rightStep?: number;
}

/** result = op(left) · op(right). The scratch is to have `matMulScratchBytes`. */
export function multiply(frame: Frame, product: Product): void {
  const { left, right, result, rows, columns, depth, transposeLeft, transposeRight, scratch } = product;
  frame.reserveAreas(frame.core.exports.matMulAreaBytes(depth));
  const sizes = [rows, columns, depth, Number(transposeLeft), Number(transposeRight)];
  const batch = [product.batch ?? 1, product.leftStep ?? 0, product.rightStep ?? 0];
  // Two words more that the operation keeps for itself.
  frame.step(Operation.matMul, [left, right, result, ...sizes, ...batch, scratch, 0, 0]);
}

/** Not for batches that broadcast piecewise, and for nothing to add up. */
export const batchMatMul: BasicOperation = (frame, { a, b }, { transposeA, transposeB }) => {
  if (a === undefined || b === undefined || !isFloat(a, b)) return undefined;
  const batch = commonBatch(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [rows, depth] = matrixSizes(a.shape, transposeA === true);
  const [, columns] = matrixSizes(b.shape, transposeB === true);
  if (batch === undefined || depth === 0) return undefined;
  const result = frame.output([...batch, rows, columns]);
  multiply(frame, {
    left: frame.address(a),
    right: frame.address(b),
    result: frame.address(result),
    rows,
    columns,
    depth,
    transposeLeft: transposeA === true,
    transposeRight: transposeB === true,
    scratch: frame.scratch(frame.core.exports.matMulScratchBytes(rows, depth)),
    batch: sizeOf(batch),
    leftStep: stepOf(a),
    rightStep: stepOf(b),
  });
  return result;
};

function matrixSizes(shape: readonly number[], transposed: boolean): [number, number] {
  const [first, second] = shape.slice(-2) as [number, number];
  return transposed ? [second, first] : [first, second];
}

/** Floats between the matrices of a batch; 0 where there is one for all. */
function stepOf({ shape }: TensorInfo): number {
  return sizeOf(shape.slice(0, -2)) === 1 ? 0 : sizeOf(shape.slice(-2));
}

/** The batch dimensions of the result, where one operand serves all batches or both have the same. */
function commonBatch(left: number[], right: number[]): number[] | undefined {
  if (left.join() === right.join()) return left;
  if (sizeOf(right) === 1 && right.length <= left.length) return left;
  if (sizeOf(left) === 1 && left.length <= right.length) return right;
  return undefined;
}
