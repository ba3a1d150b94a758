/**
 * Rotary position embedding with half-split pairs, as in Hugging Face's Llama: dimension i turns with dimension
 * i + headDim / 2. The angles come in as tables over all positions, made once per model, so that scaled variants differ
 * in the table alone and a decoded token uploads nothing.
 */
import {
  add,
  cast,
  clipByValue,
  concat,
  expandDims,
  gather,
  mul,
  slice,
  sub,
  type Tensor,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { defineKernel, type Kernel } from "../kernel.js";
import { ahead, positionsOf } from "./ahead.js";

const rows = { shape: ["batch", "time", "heads", "headDim"] } as const;
const table = { shape: ["positions", "halfHeadDim"] } as const;
/** With `ahead` row b begins at position `offset + ahead[b]`; beyond the tables it turns as their first or last position does. */
const inputs = { x: rows, cos: table, sin: table, ahead } as const;
const outputs = { y: rows } as const;
const attributes = {
  /** The position of the chunk's first column. */
  offset: { kind: "whole", minimum: 0, dynamic: true },
  /** Columns that stand at each position: column c turns by row `offset + floor(c / iterations)` of the tables. */
  iterations: { kind: "whole", minimum: 1 },
  /** Back is the transpose, which the gradient needs. */
  direction: { kind: "choice", of: ["forth", "back"] },
} as const;

/** Turns the pairs (x_i, x_{i + headDim/2}) by the angles of their position. */
export const rotaryEmbedding: Kernel<typeof inputs, typeof outputs, typeof attributes> = defineKernel({
  name: "rotaryEmbedding",
  summary: "turns the pairs (x_i, x_{i + headDim/2}) by the angles of their position",
  inputs,
  outputs,
  attributes,
  requires: ({ headDim, halfHeadDim, time, positions }, { offset, iterations }) => {
    if (headDim !== 2 * (halfHeadDim as number))
      return `tables of width ${halfHeadDim} do not fit a headDim of ${headDim}`;
    const last = offset + Math.ceil((time as number) / iterations);
    if (last > (positions as number)) return `position ${last - 1} is beyond tables of ${positions} positions`;
    return undefined;
  },
  tolerance: 1e-5,
  compose: ({ x, cos, sin, ahead }, { offset, iterations, direction }) => {
    const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
    const half = headDim / 2;
    const steps = tensor1d(
      Int32Array.from({ length: time }, (_, column) => Math.floor(column / iterations)),
      "int32",
    );
    // `[time]`, or `[batch, time]`.
    const positions: Tensor = ahead
      ? clipByValue(add(expandDims(positionsOf(ahead, offset), 1), steps), 0, (cos.shape[0] as number) - 1)
      : add(steps, offset);
    const ofColumns = (angles: typeof cos) => expandDims(gather(angles, cast(positions, "int32")), -2);
    const cosine = ofColumns(cos);
    const sine = mul(ofColumns(sin), direction === "forth" ? 1 : -1);
    const first = slice(x, [0, 0, 0, 0], [batch, time, heads, half]);
    const second = slice(x, [0, 0, 0, half], [batch, time, heads, half]);
    const turned = [sub(mul(first, cosine), mul(second, sine)), add(mul(second, cosine), mul(first, sine))];
    return { y: concat(turned, -1) };
  },
  gradient: {
    saves: ["cos", "sin", "ahead"],
    tolerance: 2e-5,
    // A rotation's transpose is the rotation back. The tables are constants.
    compute: ({ y }, { cos, sin, ahead }, given) => {
      const direction = given.direction === "forth" ? "back" : "forth";
      return { x: () => rotaryEmbedding({ x: y, cos, sin, ahead }, { ...given, direction }).y };
    },
  },
});
