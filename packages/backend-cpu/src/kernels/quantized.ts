/**
 * Products with packed weights: the weight becomes floats in the work area, then the packed product runs. Right and
 * without a cliff; a product that reads the packed words themselves is what decoding wants.
 */
import { type KernelCall, type KernelImplementations, type WeightFormat, weightBits } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmModule } from "../wasm-module.js";
import { addresses, allocateOutputs, pointers, rowsOf, shapeOf } from "./arguments.js";

export function quantizedKernels(module: WasmModule): KernelImplementations {
  return {
    quantizedMatMul: (call) => {
      const [rows, inSize] = rowsOf(call, "x");
      return multiply(module, call, "x", { rows, inSize, depth: inSize });
    },
    quantizedMatMulGradient: (call) => {
      const [rows, outSize] = rowsOf(call, "dy");
      return multiply(module, call, "dy", { rows, inSize: call.attributes.inSize as number, depth: outSize });
    },
  };
}

interface Sizes {
  readonly rows: number;
  readonly inSize: number;
  /** Along which the product adds up: the weight's rows are transposed where that is their own length. */
  readonly depth: number;
}

function multiply(module: WasmModule, call: KernelCall, left: string, { rows, inSize, depth }: Sizes): TensorInfo[] {
  const outputs = allocateOutputs(module, call);
  const outSize = shapeOf(call, "words")[0] as number;
  const transposed = left === "x";
  const columns = transposed ? outSize : inSize;
  const productBytes = module.call("matMulScratchBytes", rows, columns, depth);
  const scratch = module.scratch(productBytes + outSize * inSize * 4);
  const weight = scratch + productBytes;
  const [words, scales] = pointers(module, call, "words", "scales") as [number, number];
  module.call(
    "unpackWeights",
    words,
    scales,
    weight,
    outSize,
    inSize,
    weightBits[call.attributes.format as WeightFormat],
  );
  const [from, to] = [...pointers(module, call, left), ...addresses(module, outputs)] as [number, number];
  module.call("matMul", from, weight, to, rows, columns, depth, false, transposed, 1, 0, 0, scratch);
  return outputs;
}
