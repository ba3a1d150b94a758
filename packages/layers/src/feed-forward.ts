/** The feed-forward branch of a decoder layer, with its residual: what turns a blended state into the next one. */
import { add, gatedActivation, rmsNorm, type Tensor } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import { project } from "./linear.js";
import type { LayerWeights } from "./weights.js";

/** What the network looks at of a config. */
export type FeedForwardConfig = Pick<ModelConfig, "rmsNormEps" | "hiddenActivation">;

/**
 * `y = h + down · (act(gate · n) ⊙ (up · n))` with `n = rmsNorm(h)`; h and y `[batch, time, hiddenSize]`. Where the backbone
 * norms outputs, what comes out of `down` is normed before it is added.
 */
export function feedForward(h: Tensor, layer: LayerWeights, config: FeedForwardConfig): Tensor {
  const epsilon = config.rmsNormEps;
  const n = rmsNorm({ x: h, weight: layer.feedForwardNorm }, { epsilon }).y;
  const gates = { gate: project(n, layer, "gate_proj"), up: project(n, layer, "up_proj") };
  const activated = gatedActivation(gates, { activation: activationOf(config) }).y;
  const y = project(activated, layer, "down_proj");
  const weight = layer.feedForwardOutNorm;
  return add(h, weight ? rmsNorm({ x: y, weight }, { epsilon }).y : y);
}

/** The activation by the name that kernels have for it. */
export function activationOf({ hiddenActivation }: FeedForwardConfig): "silu" | "geluTanh" {
  return hiddenActivation === "gelu_pytorch_tanh" ? "geluTanh" : "silu";
}
