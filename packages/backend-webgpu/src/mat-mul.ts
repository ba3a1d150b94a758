/**
 * Matrix products that always add up in the same order. TensorFlow.js picks among four programs; the one for long inner
 * dimensions adds with atomics, in an order that differs from run to run, and the ones for few results are made of
 * barriers. Of its programs the tiled one stays, for large products; small ones are ours. Both add along the inner
 * dimension, whatever the number of rows, so a position's values do not depend on how many are computed at once.
 */
import { broadcast_util, env, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { ProgramRunner } from "./program-runner.js";
import { BLOCK_COLUMNS, BLOCK_ROWS, matMulBlockProgram } from "./programs/mat-mul-block.wgsl.js";
import { groupsOfElements } from "./programs/parts/elements.js";

/** TensorFlow.js' flag that fixes the program, and its values. */
const PROGRAM_FLAG = "WEBGPU_MATMUL_PROGRAM_TYPE";
const ANY_PROGRAM = -1;
const TILED_PROGRAM = 3;

/** Rows and columns of one of its tiles, which is a workgroup, and how many of them it takes to keep a GPU busy. */
const TILE = 32;
const BUSY_TILES = 64;

interface MatMulAttributes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** A product of tensors of at least two dimensions, as TensorFlow.js' `BatchMatMul` has it; the result is the caller's. */
export type Product = (a: TensorInfo, b: TensorInfo, attributes: MatMulAttributes) => TensorInfo;

/** @param kernel TensorFlow.js' own, for large products */
export function orderedProduct(kernel: KernelConfig, runner: ProgramRunner): Product {
  return (a, b, attributes) => {
    const product = blockProduct(runner, a, b, attributes);
    if (product !== undefined) return product;
    const attrs = { transposeA: false, transposeB: false, ...attributes };
    env().set(PROGRAM_FLAG, TILED_PROGRAM);
    try {
      return kernel.kernelFunc({ inputs: { a, b }, backend: runner.engine, attrs }) as TensorInfo;
    } finally {
      env().set(PROGRAM_FLAG, ANY_PROGRAM);
    }
  };
}

export function orderedMatMul(kernel: KernelConfig, product: Product): KernelConfig {
  return {
    ...kernel,
    kernelFunc: ({ inputs, attrs }) => {
      const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
      return product(a, b, attrs as MatMulAttributes);
    },
  };
}

/** @returns undefined for a product that is large, empty, of another type, or whose batches broadcast piecewise */
function blockProduct(
  runner: ProgramRunner,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA = false, transposeB = false }: MatMulAttributes,
): TensorInfo | undefined {
  const [aBatches, bBatches] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const isPiecewise = aBatches.join() !== bBatches.join() && batchSize(a) !== 1 && batchSize(b) !== 1;
  if (isPiecewise || a.dtype !== "float32" || b.dtype !== "float32") return undefined;
  const batch = broadcast_util.assertAndGetBroadcastShape(aBatches, bBatches);
  const matrices = util.sizeFromShape(batch);
  const [rows, depth] = matrixSizes(a, transposeA);
  const [, columns] = matrixSizes(b, transposeB);
  const tiles = matrices * Math.ceil(rows / TILE) * Math.ceil(columns / TILE);
  if (tiles >= BUSY_TILES || matrices * rows * columns * depth === 0) return undefined;

  const y = runner.allocate([...batch, rows, columns]);
  const count = matrices * Math.ceil(rows / BLOCK_ROWS) * Math.ceil(columns / BLOCK_COLUMNS);
  runner.run(matMulBlockProgram, {
    buffers: { a, b, y },
    uniforms: {
      count,
      rows,
      columns,
      depth,
      aBatch: batchSize(a) === 1 ? 0 : rows * depth,
      bBatch: batchSize(b) === 1 ? 0 : depth * columns,
      aRow: transposeA ? 1 : depth,
      aDepth: transposeA ? rows : 1,
      bDepth: transposeB ? 1 : columns,
      bColumn: transposeB ? depth : 1,
    },
    groups: groupsOfElements(count),
  });
  return y;
}

function matrixSizes({ shape }: TensorInfo, transposed: boolean): [number, number] {
  const [first, second] = shape.slice(-2) as [number, number];
  return transposed ? [second, first] : [first, second];
}

function batchSize({ shape }: TensorInfo): number {
  return util.sizeFromShape(shape.slice(0, -2));
}
