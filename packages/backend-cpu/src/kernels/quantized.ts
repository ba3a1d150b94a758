/**
 * Products with packed weights. Few rows (a decoded token) are multiplied with the weight as it lies in memory; for more the
 * weight becomes floats first, which is then the smaller part of the work.
 */
import { type WeightFormat, weightBits } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { multiply } from "../basic/mat-mul.js";
import type { Frame } from "../frame.js";
import { Operation } from "../operation.js";
import { addresses, type CoreCall, type CoreKernel, newOutputs, rowsOf, run, shapeOf } from "./arguments.js";

export const quantizedKernels: Readonly<Record<string, CoreKernel>> = {
  quantizedMatMul: (frame, call) => {
    const [rows, inSize] = rowsOf(call, "x");
    // Quantiles are no whole numbers to multiply with.
    const isWhole = call.attributes.format !== "nf4";
    if (isWhole && rows <= FEW_ROWS) return multiplyAsPacked(frame, call, rows, inSize);
    return unpackAndMultiply(frame, call, "x", { rows, inSize, depth: inSize });
  },
  quantizedMatMulGradient: (frame, call) => {
    const [rows, outSize] = rowsOf(call, "dy");
    return unpackAndMultiply(frame, call, "dy", { rows, inSize: call.attributes.inSize as number, depth: outSize });
  },
};

/** As many as a product of floats takes without packing them. */
const FEW_ROWS = 8;

function multiplyAsPacked(frame: Frame, call: CoreCall, rows: number, inSize: number): TensorInfo[] {
  const bits = weightBits[call.attributes.format as WeightFormat];
  const outSize = shapeOf(call, "words")[0] as number;
  const { exports } = frame.core;
  frame.reserveAreas(exports.quantizedAreaBytes(inSize));
  const scratch = frame.scratch(exports.quantizedScratchBytes(rows, inSize, bits));
  const numbers = [rows, inSize, outSize, bits, scratch];
  return run(frame, call, Operation.quantizedProduct, ["x", "words", "scales"], numbers);
}

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
  const format = call.attributes.format as WeightFormat;
  const bits = format === "nf4" ? 0 : weightBits[format];
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
