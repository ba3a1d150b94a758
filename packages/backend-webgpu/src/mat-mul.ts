/**
 * Matrix products that always add up in the same order. TensorFlow.js picks among four programs; the one for long inner
 * dimensions adds with atomics, in an order that differs from run to run, and the one for few results sums in a tree (and
 * is 25 times slower on SwiftShader). The other two add along the inner dimension, whatever the number of rows, so a
 * position's values do not depend on how many are computed at once.
 */
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { env, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";

/** TensorFlow.js' flag that fixes the program, and its values. */
const PROGRAM_FLAG = "WEBGPU_MATMUL_PROGRAM_TYPE";
const ANY_PROGRAM = -1;
const SMALL_TILES = 2;
const LARGE_TILES = 3;

/** Rows and columns of a large tile. */
const TILE = 32;

export function orderedMatMul(kernel: KernelConfig): KernelConfig {
  return {
    ...kernel,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
      const { transposeA, transposeB } = call.attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const rows = a.shape.at(transposeA ? -1 : -2) as number;
      const columns = b.shape.at(transposeB ? -2 : -1) as number;
      const batch = Math.max(batchOf(a), batchOf(b));
      const engine = call.backend as WebGPUBackend;
      env().set(PROGRAM_FLAG, hasFewTiles(engine, batch, rows, columns) ? SMALL_TILES : LARGE_TILES);
      try {
        return kernel.kernelFunc(call);
      } finally {
        env().set(PROGRAM_FLAG, ANY_PROGRAM);
      }
    },
  };
}

/** Too few large tiles to keep a GPU busy. TensorFlow.js' own rule. */
function hasFewTiles(engine: WebGPUBackend, batch: number, rows: number, columns: number): boolean {
  const tiles = batch * Math.ceil(rows / TILE) * Math.ceil(columns / TILE);
  return tiles <= engine.thresholdToIncreaseWorkgroups * (rows <= 8 ? 2 : 1);
}

function batchOf(info: TensorInfo): number {
  return info.shape.slice(0, -2).reduce((left, right) => left * right, 1);
}
