/**
 * Recirculation (ours): an iteration's input takes in what the one before left at the top of the stack, so that every
 * iteration adds attention depth. With iterations alone only a layer's own state goes on, and the lowest layer's attention
 * asks the same in each.
 *
 *     x^(i) = (1 - β) ⊙ x + β ⊙ W · norm(y_top^(i-1))        i > 1;  β = sigmoid(theta), norm the model's final one
 */
import { rmsNorm, stateBlend, type Tensor } from "@sst/tensor";
import { linear } from "../linear.js";
import type { ModelWeights, Recirculation } from "../weights.js";

/**
 * @param x embeddings, and top what the iteration before left of them, both `[batch, time, hiddenSize]`
 * @param keep 1 where there was one before, `[batch, time]`; defaults to everywhere
 */
export function recirculated(
  x: Tensor,
  top: Tensor,
  weights: ModelWeights,
  { beta, weight }: Recirculation,
  keep: Tensor = weights.constants.masks(x.shape[0] as number, x.shape[1] as number, true).keep,
): Tensor {
  const normed = rmsNorm({ x: top, weight: weights.finalNorm }, { epsilon: weights.config.rmsNormEps }).y;
  return stateBlend({ a: x, state: linear(normed, weight), alpha: beta, keep }, {}).h;
}
