import type { ModelConfig } from "./config.js";

/** How many positions a layer's query sees, its own included; 0 for all before it. */
export function layerWindow({ layerTypes, slidingWindow = 0 }: ModelConfig, layer: number): number {
  return layerTypes?.[layer] === "sliding_attention" ? slidingWindow : 0;
}
