/** A linear layer on the last dimension, and what its weight may be: here, and only here, packed weights differ. */
import {
  add,
  type IntegerFormat,
  integerMatMul,
  matMul,
  mul,
  quantizedMatMul,
  reshape,
  type Tensor,
  tidy,
  type WeightFormat,
} from "@sst/tensor";
import type { LinearName } from "./config.js";
import type { LayerWeights } from "./weights.js";

/** `a` `[rank, in]` and `b` `[out, rank]`: adds `factor · b·a` to a weight. */
export interface LowRank {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly factor: number;
}

/** What a packed weight is multiplied with: its input as it is, or rounded to 8 bits in blocks of 32 (`integerMatMul`). */
export const activationFormats = ["float32", "int8"] as const;

export type ActivationFormat = (typeof activationFormats)[number];

/** A weight `[out, in]` in few bits (`packMatrix`), on the device. It is frozen; an adapter beside it is not. */
export interface PackedWeight {
  readonly format: WeightFormat;
  readonly words: Tensor;
  readonly scales: Tensor;
  /** int8 goes with formats of whole numbers alone. Defaults to float32. */
  readonly activations?: ActivationFormat;
  readonly adapter?: LowRank;
}

/** `[out, in]`. */
export type LinearWeight = Tensor | PackedWeight;

export function isPacked(weight: LinearWeight): weight is PackedWeight {
  return "words" in weight;
}

/** `x · weightᵀ`: x `[..., in]`, weight `[out, in]` to `[..., out]`. */
export function linear(x: Tensor, weight: LinearWeight): Tensor {
  if (isPacked(weight)) return packedLinear(x, weight);
  const [outSize, inSize] = weight.shape as [number, number];
  const rows = matMul(reshape(x, [-1, inSize]), weight, false, true);
  return reshape(rows, [...x.shape.slice(0, -1), outSize]);
}

/** One of a decoder layer's linear layers, with its bias where it has one: x `[..., in]` to `[..., out]`. */
export function project(x: Tensor, layer: LayerWeights, name: LinearName): Tensor {
  const y = linear(x, layer[name]);
  const bias = layer[`${name}.bias`];
  return bias ? add(y, bias) : y;
}

/** A weight with its adapter's product in it, `W + factor · B·A`. */
export function mergedWeight(weight: Tensor, { a, b, factor }: LowRank): Tensor {
  return tidy(() => add(weight, mul(matMul(b, a), factor)));
}

/** A packed weight takes nothing in, so its adapter's product goes beside it. */
function packedLinear(x: Tensor, { words, scales, format, activations, adapter }: PackedWeight): Tensor {
  const { y } =
    activations === "int8"
      ? integerMatMul({ x, words, scales }, { format: format as IntegerFormat })
      : quantizedMatMul({ x, words, scales }, { format });
  return adapter ? add(y, mul(linear(linear(x, adapter.a), adapter.b), adapter.factor)) : y;
}
