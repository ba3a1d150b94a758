/**
 * Matrix products for the engine. Its own run at a twentieth of their speed when an operand is transposed, and every
 * gradient of a matrix product is a transposed product.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { sizeOf } from "./kernels/arguments.js";
import type { WasmModule } from "./wasm-module.js";

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export function createMatMulKernels(module: WasmModule, basic: readonly KernelConfig[]): KernelConfig[] {
  const general = basic.find((kernel) => kernel.kernelName === "BatchMatMul") as KernelConfig;
  return [
    {
      ...general,
      kernelFunc: (call) => {
        const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
        const { transposeA, transposeB } = call.attrs as unknown as MatMulAttributes;
        return matMul(module, a, b, transposeA, transposeB) ?? general.kernelFunc(call);
      },
    },
  ];
}

/** @returns undefined for what the packed product does not do: batches that broadcast piecewise, and other types */
function matMul(module: WasmModule, a: TensorInfo, b: TensorInfo, transposeA: boolean, transposeB: boolean) {
  const batch = commonBatch(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (batch === undefined || a.dtype !== "float32" || b.dtype !== "float32") return undefined;
  const [rows, depth] = matrixSizes(a.shape, transposeA);
  const [, columns] = matrixSizes(b.shape, transposeB);
  const count = sizeOf(batch);
  const scratch = module.scratch(module.call("matMulScratchBytes", rows, columns, depth));
  const result = module.allocate([...batch, rows, columns]);
  const batchStride = (info: TensorInfo) => (sizeOf(info.shape.slice(0, -2)) === 1 ? 0 : rowsTimesColumns(info));
  module.call(
    "matMul",
    module.pointer(a),
    module.pointer(b),
    module.pointer(result),
    rows,
    columns,
    depth,
    transposeA,
    transposeB,
    count,
    batchStride(a),
    batchStride(b),
    scratch,
  );
  return result as ReturnType<BackendWasm["makeOutput"]>;
}

function matrixSizes(shape: readonly number[], transposed: boolean): [number, number] {
  const [first, second] = shape.slice(-2) as [number, number];
  return transposed ? [second, first] : [first, second];
}

function rowsTimesColumns(info: TensorInfo): number {
  return sizeOf(info.shape.slice(-2));
}

/** The batch dimensions of the result, where one operand serves all batches or both have the same. */
function commonBatch(left: number[], right: number[]): number[] | undefined {
  if (left.join() === right.join()) return left;
  if (sizeOf(right) === 1 && right.length <= left.length) return left;
  if (sizeOf(left) === 1 && left.length <= right.length) return right;
  return undefined;
}
