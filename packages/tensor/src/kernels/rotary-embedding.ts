/**
 * Rotary position embedding with half-split pairs, as in Hugging Face's Llama: dimension i turns with dimension
 * i + headDim / 2. The angles come in as tables, so that scaled variants differ in the table alone.
 */
import { add, concat, expandDims, mul, neg, slice, sub, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel, type Kernel } from "../kernel.js";

const spec = {
  inputs: {
    x: { shape: ["batch", "time", "heads", "headDim"] },
    cos: { shape: ["time", "halfHeadDim"] },
    sin: { shape: ["time", "halfHeadDim"] },
  },
  outputs: { y: { shape: ["batch", "time", "heads", "headDim"] } },
} as const;

/** Turns the pairs (x_i, x_{i + headDim/2}) by the angles of their position. */
export const rotaryEmbedding: Kernel = defineKernel<object>({
  name: "rotaryEmbedding",
  summary: "turns the pairs (x_i, x_{i + headDim/2}) by the angles of their position",
  ...spec,
  tolerance: 1e-5,
  compose: ({ x, cos, sin }) => {
    const [batch, time, heads, headDim] = (x as Tensor).shape as [number, number, number, number];
    const half = headDim / 2;
    const first = slice(x as Tensor, [0, 0, 0, 0], [batch, time, heads, half]);
    const second = slice(x as Tensor, [0, 0, 0, half], [batch, time, heads, half]);
    const cosine = expandDims(cos as Tensor, 1);
    const sine = expandDims(sin as Tensor, 1);
    const turned = [sub(mul(first, cosine), mul(second, sine)), add(mul(second, cosine), mul(first, sine))];
    return { y: concat(turned, -1) };
  },
  gradient: {
    saves: ["cos", "sin"],
    // A rotation's transpose is the rotation back. The tables are constants.
    compute: ({ y }, { cos, sin }) => ({
      x: () => rotaryEmbedding({ x: y, cos, sin: neg(sin as Tensor) }, {}).y as Tensor,
    }),
  },
});
