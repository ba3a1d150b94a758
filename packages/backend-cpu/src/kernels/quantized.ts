/** Products with packed weights: the weight becomes floats in the work area, then the packed product runs. */
import { type WeightFormat, weightBits } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { multiply } from "../basic/mat-mul.js";
import type { Frame } from "../frame.js";
import { Operation } from "../operation.js";
import { addresses, type CoreCall, type CoreKernel, newOutputs, rowsOf, shapeOf } from "./arguments.js";

export const quantizedKernels: Readonly<Record<string, CoreKernel>> = {
  quantizedMatMul: (frame, call) => {
    const [rows, inSize] = rowsOf(call, "x");
    return unpackAndMultiply(frame, call, "x", { rows, inSize, depth: inSize });
  },
  quantizedMatMulGradient: (frame, call) => {
    const [rows, outSize] = rowsOf(call, "dy");
    return unpackAndMultiply(frame, call, "dy", { rows, inSize: call.attributes.inSize as number, depth: outSize });
  },
};

interface Sizes {
  readonly rows: number;
  readonly inSize: number;
  /** Along which the product adds up: the weight's rows are transposed where that is their own length. */
  readonly depth: number;
}

function unpackAndMultiply(frame: Frame, call: CoreCall, left: string, sizes: Sizes): TensorInfo[] {
  const { rows, inSize, depth } = sizes;
  const [output] = newOutputs(frame, call) as [TensorInfo];
  const outSize = shapeOf(call, "words")[0] as number;
  const isForward = left === "x";
  const weightBytes = outSize * inSize * 4;
  const weight = frame.scratch(weightBytes + frame.core.exports.matMulScratchBytes(rows, depth));
  const [from, words, scales] = addresses(frame, call, [left, "words", "scales"]) as [number, number, number];
  const bits = weightBits[call.attributes.format as WeightFormat];
  frame.step(Operation.unpackWeights, [words, scales, weight, outSize, inSize, bits]);
  multiply(frame, {
    left: from,
    right: weight,
    result: frame.address(output),
    rows,
    columns: isForward ? outSize : inSize,
    depth,
    transposeLeft: false,
    transposeRight: isForward,
    scratch: weight + weightBytes,
  });
  return [output];
}
