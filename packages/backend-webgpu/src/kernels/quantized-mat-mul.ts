import { BLOCK_SIZE, type KernelImplementation, type WeightFormat } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ProgramRunner } from "../program-runner.js";
import {
  FEW_ROWS,
  groupsOfFewRows,
  groupsOfManyRows,
  halvesMatMulFewRowsProgram,
  halvesMatMulProgram,
  quantizedMatMulFewRowsProgram,
  quantizedMatMulProgram,
} from "../programs/quantized-mat-mul.wgsl.js";
import {
  groupsOfInputs,
  halvesMatMulGradientProgram,
  quantizedMatMulGradientProgram,
} from "../programs/quantized-mat-mul-gradient.wgsl.js";
import { groupsOfBlocks, roundActivationsProgram } from "../programs/round-activations.wgsl.js";
import { type Inputs, rowsOf } from "./shapes.js";

export const quantizedMatMul =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const y = runner.allocate(outputShapes.y as number[]);
    multiply(runner, inputs as Inputs<"x" | "words" | "scales">, attributes.format as WeightFormat, y);
    return [y];
  };

/** The rounded rows are floats again: the product is the same as without. */
export const integerMatMul =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { x, words, scales } = inputs as Inputs<"x" | "words" | "scales">;
    const { rows, size: inSize } = rowsOf(x);
    const blocks = Math.ceil(inSize / BLOCK_SIZE);
    const rounded = runner.allocate(x.shape);
    const uniforms = { rows, inSize, blocks };
    runner.run(roundActivationsProgram, { buffers: { x, rounded }, uniforms, groups: groupsOfBlocks(rows * blocks) });
    const y = runner.allocate(outputShapes.y as number[]);
    multiply(runner, { x: rounded, words, scales }, attributes.format as WeightFormat, y);
    runner.release(rounded);
    return [y];
  };

function multiply(
  runner: ProgramRunner,
  { x, words, scales }: Inputs<"x" | "words" | "scales">,
  format: WeightFormat,
  y: TensorInfo,
): void {
  const { rows, size: inSize } = rowsOf(x);
  const sizes = sizesOf(rows, inSize, words);
  const isFew = rows <= FEW_ROWS;
  const groups = isFew ? groupsOfFewRows(sizes.outSize) : groupsOfManyRows(rows, sizes.outSize);
  if (format === "f16") {
    const program = isFew ? halvesMatMulFewRowsProgram(rows) : halvesMatMulProgram;
    runner.run(program, { buffers: { x, words, y }, uniforms: sizes, groups });
  } else {
    const program = isFew ? quantizedMatMulFewRowsProgram(format, rows) : quantizedMatMulProgram(format);
    runner.run(program, { buffers: { x, words, scales, y }, uniforms: sizes, groups });
  }
}

export const quantizedMatMulGradient =
  (runner: ProgramRunner): KernelImplementation =>
  ({ inputs, attributes, outputShapes }) => {
    const { dy, words, scales } = inputs as Inputs<"dy" | "words" | "scales">;
    const { format, inSize } = attributes as { format: WeightFormat; inSize: number };
    const { rows, size: outSize } = rowsOf(dy);
    if (outSize === 0) return [runner.zeros(outputShapes.dx as number[])];
    const dx = runner.allocate(outputShapes.dx as number[]);
    const sizes = sizesOf(rows, inSize, words);
    const groups = groupsOfInputs(rows, inSize);
    if (format === "f16") {
      runner.run(halvesMatMulGradientProgram, { buffers: { dy, words, dx }, uniforms: sizes, groups });
    } else {
      runner.run(quantizedMatMulGradientProgram(format), {
        buffers: { dy, words, scales, dx },
        uniforms: sizes,
        groups,
      });
    }
    return [dx];
  };

function sizesOf(rows: number, inSize: number, words: TensorInfo) {
  const [outSize, wordsPerRow] = words.shape as [number, number];
  return { rows, inSize, outSize, wordsPerRow, blocks: Math.ceil(inSize / BLOCK_SIZE) };
}
