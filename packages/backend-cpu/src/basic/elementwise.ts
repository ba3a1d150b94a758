/** Operations element by element, with broadcasting. */
import { backend_util } from "@tensorflow/tfjs-core";
import { sizeOf } from "../kernels/arguments.js";
import { Operation } from "../operation.js";
import { type BasicOperation, isFloat } from "./operation.js";
import { broadcastSteps, fourDimensions } from "./strides.js";

/** By number, in the order of `BinaryOperation` in `assembly/elementwise.ts`. */
const binaryNames = ["Add", "Sub", "Multiply", "RealDiv", "Maximum", "Minimum"];

/** By number, in the order of `UnaryOperation` there. */
const unaryNames = ["Neg", "Abs", "Sqrt", "Square", "Sigmoid", "Relu"];

export const elementwiseOperations: Readonly<Record<string, BasicOperation>> = {
  ...Object.fromEntries(binaryNames.map((name, index) => [name, binary(index)])),
  ...Object.fromEntries(unaryNames.map((name, index) => [name, unary(index, "float32")])),
  Cast: (frame, inputs, attributes) => {
    if (inputs.x?.dtype === attributes.dtype) return inputs.x && frame.takeOver(inputs.x);
    return attributes.dtype === "float32" ? toFloat(frame, inputs, attributes) : undefined;
  },
};

const toFloat = unary(unaryNames.length, "int32");

function binary(operation: number): BasicOperation {
  return (frame, { a, b }) => {
    if (a === undefined || b === undefined || !isFloat(a, b)) return undefined;
    const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const left = broadcastSteps(a.shape, shape);
    const right = broadcastSteps(b.shape, shape);
    const dimensions = fourDimensions(
      shape.map((size, axis) => ({ size, steps: [left[axis] as number, right[axis] as number] })),
    );
    if (dimensions === undefined) return undefined;
    const result = frame.output(shape);
    const words = shape.length === 0 ? scalarDimensions : dimensions.flat();
    frame.step(Operation.binary, [operation, frame.address(a), frame.address(b), frame.address(result), ...words]);
    return result;
  };
}

const scalarDimensions = [...[1, 1, 1, 1], ...[0, 0, 0, 0], ...[0, 0, 0, 0]];

function unary(operation: number, dtype: "float32" | "int32"): BasicOperation {
  return (frame, { x }) => {
    if (x?.dtype !== dtype) return undefined;
    const result = frame.output(x.shape);
    frame.step(Operation.unary, [operation, frame.address(x), frame.address(result), sizeOf(x.shape)]);
    return result;
  };
}
