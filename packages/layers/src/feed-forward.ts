/** The feed-forward branch of a decoder layer, with its residual: what turns a blended state into the next one. */
import { add, gatedActivation, rmsNorm, type Tensor } from "@sst/tensor";
import { linear } from "./linear.js";
import type { LayerWeights } from "./weights.js";

/** `y = h + down · (silu(gate · n) ⊙ (up · n))` with `n = rmsNorm(h)`; h and y `[batch, time, hiddenSize]`. */
export function feedForward(h: Tensor, layer: LayerWeights, epsilon: number): Tensor {
  const n = rmsNorm({ x: h, weight: layer.postAttentionNorm }, { epsilon }).y;
  const gates = { gate: linear(n, layer.gate_proj), up: linear(n, layer.up_proj) };
  return add(h, linear(gatedActivation(gates, { activation: "silu" }).y, layer.down_proj));
}
