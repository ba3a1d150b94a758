/** A linear layer on the last dimension. */
import { matMul, reshape, type Tensor } from "@sst/tensor";

/** `x · weightᵀ`: x `[..., in]`, weight `[out, in]` to `[..., out]`. */
export function linear(x: Tensor, weight: Tensor): Tensor {
  const [outSize, inSize] = weight.shape as [number, number];
  const rows = matMul(reshape(x, [-1, inSize]), weight, false, true);
  return reshape(rows, [...x.shape.slice(0, -1), outSize]);
}
