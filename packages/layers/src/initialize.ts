/** Random weights for a new model. */
import type { Random } from "@sst/tensor";
import type { HostTensor, ModelConfig, ModelData } from "./config.js";
import { backboneShapes } from "./parameters.js";
import { initialStream } from "./state-stream/initial-stream.js";

export interface InitializationOptions {
  /** Standard deviation of the embedding; defaults to 1 / sqrt(hiddenSize), as of every other matrix. */
  readonly embeddingDeviation?: number;
  /**
   * Factor on the attention's output projection; defaults to 1. A stream with a small alpha learns to carry a
   * computation when `alpha · |s|` is comparable with `(1 - alpha) · |a|`, that is when both are made small.
   */
  readonly attentionOutputScale?: number;
  /** Start of every layer's theta; defaults to 0, the middle of alpha's range. */
  readonly theta?: number;
}

/**
 * Matrices are normal with variance 1 / in; those that write to the residual stream are scaled by 1 / sqrt(2 · layers);
 * norms scale by 1, biases are 0. Parameters are drawn in a fixed order from streams named after them, so that a model with and one without
 * the state stream start from the same weights.
 */
export function initializeModel(config: ModelConfig, random: Random, options: InitializationOptions = {}): ModelData {
  const residualScale = 1 / Math.sqrt(2 * config.numHiddenLayers);
  const weights: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(backboneShapes(config))) {
    const size = shape.reduce((left, right) => left * right, 1);
    if (shape.length === 1) {
      const isScale = !name.endsWith(".bias") && !config.unitOffsetNorm;
      weights[name] = { shape, data: new Float32Array(size).fill(isScale ? 1 : 0) };
      continue;
    }
    let deviation = 1 / Math.sqrt(shape[1] as number);
    if (name.endsWith("o_proj.weight")) deviation *= residualScale * (options.attentionOutputScale ?? 1);
    if (name.endsWith("down_proj.weight")) deviation *= residualScale;
    if (name.endsWith("embed_tokens.weight")) deviation = options.embeddingDeviation ?? deviation;
    weights[name] = { shape, data: random.fork(name).normals(size, deviation) };
  }
  return { config, weights: { ...weights, ...initialStream(config, options.theta ?? 0) } };
}
