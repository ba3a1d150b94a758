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
    if (isWhole && rows <= FEW_ROWS) return multiplyAsPacked(frame, call, rows, inSize, 16);
    return unpackAndMultiply(frame, call, "x", { rows, inSize, depth: inSize });
  },
  integerMatMul: (frame, call) => {
    const [rows, inSize] = rowsOf(call, "x");
    if (rows <= FEW_ROWS) return multiplyAsPacked(frame, call, rows, inSize, 8);
    return unpackAndMultiply(frame, call, "x", { rows, inSize, depth: inSize, isRounded: true });
  },
  quantizedMatMulGradient: (frame, call) => {
    const [rows, outSize] = rowsOf(call, "dy");
    return unpackAndMultiply(frame, call, "dy", { rows, inSize: call.attributes.inSize as number, depth: outSize });
  },
};

/** As many as a product of floats takes without packing them. */
const FEW_ROWS = 8;

/** `activationBits`: to how many x is rounded, where the weight's entries are whole numbers. */
function multiplyAsPacked(
  frame: Frame,
  call: CoreCall,
  rows: number,
  inSize: number,
  activationBits: 16 | 8,
): TensorInfo[] {
  const bits = weightBits[call.attributes.format as WeightFormat];
  const outSize = shapeOf(call, "words")[0] as number;
  const { exports } = frame.core;
  frame.reserveAreas(exports.quantizedAreaBytes(inSize));
  const scratch = frame.scratch(exports.quantizedScratchBytes(rows, inSize, bits, activationBits));
  const numbers = [rows, inSize, outSize, bits, activationBits, scratch];
  return run(frame, call, Operation.quantizedProduct, ["x", "words", "scales"], numbers);
}

interface Sizes {
  readonly rows: number;
  readonly inSize: number;
  /** Along which the product adds up: the weight's rows are transposed where that is their own length. */
  readonly depth: number;
  /** Whether the left operand is rounded to 8 bits first. */
  readonly isRounded?: boolean;
}

function unpackAndMultiply(frame: Frame, call: CoreCall, left: string, sizes: Sizes): TensorInfo[] {
  const { rows, inSize, depth, isRounded = false } = sizes;
  const [output] = newOutputs(frame, call) as [TensorInfo];
  const outSize = shapeOf(call, "words")[0] as number;
  const isForward = left === "x";
  const weightBytes = outSize * inSize * 4;
  const roundedBytes = isRounded ? rows * depth * 4 : 0;
  const weight = frame.scratch(weightBytes + roundedBytes + frame.core.exports.matMulScratchBytes(rows, depth));
  const rounded = weight + weightBytes;
  const [from, words, scales] = addresses(frame, call, [left, "words", "scales"]) as [number, number, number];
  const format = call.attributes.format as WeightFormat;
  const bits = format === "nf4" ? 0 : weightBits[format];
  frame.step(Operation.unpackWeights, [words, scales, weight, outSize, inSize, bits]);
  if (isRounded) frame.step(Operation.roundActivations, [from, rounded, rows, depth]);
  multiply(frame, {
    left: isRounded ? rounded : from,
    right: weight,
    result: frame.address(output),
    rows,
    columns: isForward ? outSize : inSize,
    depth,
    transposeLeft: false,
    transposeRight: isForward,
    scratch: rounded + roundedBytes,
  });
  return [output];
}
