/** Operations that only move elements: slices, joins, repetitions, transpositions, and new views of the same data. */
import { backend_util, slice_util, type Tensor, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Frame, real } from "../frame.js";
import { sizeOf } from "../kernels/arguments.js";
import { Operation } from "../operation.js";
import { type BasicOperation, isFloat, isWord } from "./operation.js";
import { fourDimensions, stepsOf } from "./strides.js";

interface Copy {
  readonly sizes: readonly number[];
  readonly sourceSteps: readonly number[];
  /** Those of an array without gaps unless given. */
  readonly targetSteps?: readonly number[];
}

/** Sizes and steps as the compiled copy has them, or undefined where four dimensions do not do. */
function copyWords({ sizes, sourceSteps, targetSteps = stepsOf(sizes) }: Copy): number[] | undefined {
  const steps = sizes.map((size, axis) => ({
    size,
    steps: [sourceSteps[axis] as number, targetSteps[axis] as number],
  }));
  return fourDimensions(steps)?.flat();
}

/** A new tensor from the elements of another one, from `offset` on. */
function copied(frame: Frame, x: TensorInfo, shape: number[], copy: Copy, offset = 0): TensorInfo | undefined {
  const words = copy.sizes.length === 0 || copy.sizes.includes(0) ? undefined : copyWords(copy);
  if (words === undefined) return undefined;
  const result = frame.output(shape, x.dtype);
  frame.step(Operation.stridedCopy, [frame.address(x) + offset * 4, frame.address(result), ...words]);
  return result;
}

const slice: BasicOperation = (frame, { x }, { begin, size }) => {
  if (x === undefined || !isWord(x)) return undefined;
  const [from, sizes] = slice_util.parseSliceParams(x, begin as number[], size as number[]) as [number[], number[]];
  slice_util.assertParamsValid(x, from, sizes);
  const steps = stepsOf(x.shape);
  const offset = from.reduce((total, start, axis) => total + start * (steps[axis] as number), 0);
  return copied(frame, x, sizes, { sizes, sourceSteps: steps }, offset);
};

const transpose: BasicOperation = (frame, { x }, { perm }) => {
  if (x === undefined || !isWord(x)) return undefined;
  const order = perm as number[];
  const steps = stepsOf(x.shape);
  const shape = order.map((axis) => x.shape[axis] as number);
  return copied(frame, x, shape, { sizes: shape, sourceSteps: order.map((axis) => steps[axis] as number) });
};

const tile: BasicOperation = (frame, { x }, { reps }) => {
  if (x === undefined || !isWord(x)) return undefined;
  const repetitions = reps as number[];
  const own = stepsOf(x.shape);
  // Every dimension twice: how often, and over what.
  const sizes = x.shape.flatMap((size, axis) => [repetitions[axis] as number, size]);
  const shape = x.shape.map((size, axis) => size * (repetitions[axis] as number));
  return copied(frame, x, shape, { sizes, sourceSteps: own.flatMap((step) => [0, step]) });
};

const concat: BasicOperation = (frame, inputs, { axis }) => {
  const parts = Object.values(inputs);
  const [first] = parts;
  if (first === undefined || parts.some((part) => !isWord(part) || part.dtype !== first.dtype)) return undefined;
  const along = util.parseAxisParam(axis as number, first.shape)[0] as number;
  const shape = backend_util.computeOutShape(
    parts.map((part) => part.shape),
    along,
  );
  const full = parts.filter((part) => !part.shape.includes(0));
  if (full.length === 0 || first.shape.length > 4) return undefined;
  const result = frame.output(shape, first.dtype);
  const targetSteps = stepsOf(shape);
  let target = frame.address(result);
  for (const part of full) {
    const words = copyWords({ sizes: part.shape, sourceSteps: stepsOf(part.shape), targetSteps }) as number[];
    frame.step(Operation.stridedCopy, [frame.address(part), target, ...words]);
    target += (part.shape[along] as number) * (targetSteps[along] as number) * 4;
  }
  return result;
};

/** The parts of `concat`, and what the gradient of that is. */
const splitV: BasicOperation = (frame, { x }, { numOrSizeSplits, axis }) => {
  if (x === undefined || !isWord(x) || x.shape.includes(0) || x.shape.length > 4) return undefined;
  const along = util.parseAxisParam(axis as number, x.shape)[0] as number;
  const sizes = backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits as number[], along);
  if (sizes.includes(0)) return undefined;
  const sourceSteps = stepsOf(x.shape);
  let offset = 0;
  return sizes.map((size) => {
    const shape = x.shape.with(along, size);
    const part = copied(frame, x, shape, { sizes: shape, sourceSteps }, offset) as TensorInfo;
    offset += size * (sourceSteps[along] as number);
    return part;
  });
};

/** A value all around; the gradient of `slice` has zeros there. */
const pad: BasicOperation = (frame, { x }, { paddings, constantValue }) => {
  if (x === undefined || !isFloat(x) || x.shape.includes(0) || x.shape.length > 4) return undefined;
  const around = paddings as [before: number, after: number][];
  const shape = x.shape.map((size, axis) => size + (around[axis]?.[0] as number) + (around[axis]?.[1] as number));
  const targetSteps = stepsOf(shape);
  const words = copyWords({ sizes: x.shape, sourceSteps: stepsOf(x.shape), targetSteps });
  if (words === undefined || shape.length === 0) return undefined;
  const result = frame.output(shape);
  const start = around.reduce((total, [before], axis) => total + before * (targetSteps[axis] as number), 0);
  frame.step(Operation.fill, [frame.address(result), sizeOf(shape), real(constantValue as number)]);
  frame.step(Operation.stridedCopy, [frame.address(x), frame.address(result) + start * 4, ...words]);
  return result;
};

const identity: BasicOperation = (frame, { x }) => x && frame.takeOver(x);

const reshape: BasicOperation = (frame, { x }, { shape }) =>
  x && frame.takeOver(x, util.inferFromImplicitShape(shape as number[], util.sizeFromShape(x.shape)));

const expandDims: BasicOperation = (frame, { input }, { dim }) => {
  if (input === undefined) return undefined;
  const at = dim as number;
  return frame.takeOver(input, input.shape.toSpliced(at < 0 ? input.shape.length + at + 1 : at, 0, 1));
};

export const copyOperations: Readonly<Record<string, BasicOperation>> = {
  Concat: concat,
  ExpandDims: expandDims,
  Identity: identity,
  PadV2: pad,
  Reshape: reshape,
  Slice: slice,
  SplitV: splitV,
  Tile: tile,
  Transpose: transpose,
};
