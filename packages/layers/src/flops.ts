/**
 * What inference costs, in floating-point operations, in closed form from a config. A multiplication and an addition count
 * as two. Counted are the matrix products, the attention's two products per key, and the blends of stream and
 * recirculation (three per dimension); norms, rotations, the softmax and the activation, under one percent together, are not. Ours.
 */
import type { ModelConfig } from "./config.js";
import { layerWindow } from "./layer-window.js";

/** One iteration at one position that sees `keys` keys, its own among them; without the head. */
export function iterationFlops(config: ModelConfig, keys: number, streamOff = false): number {
  const { hiddenSize, intermediateSize, headDim, numAttentionHeads, numKeyValueHeads, numHiddenLayers } = config;
  const queries = numAttentionHeads * headDim;
  const keysAndValues = 2 * numKeyValueHeads * headDim;
  // q, k, v; o; gate, up and down
  const weights = hiddenSize * (queries + keysAndValues) + queries * hiddenSize + 3 * hiddenSize * intermediateSize;
  const blend = config.stateStream === undefined || streamOff ? 0 : 3 * hiddenSize;
  let attention = 0;
  for (let layer = 0; layer < numHiddenLayers; layer++) attention += 2 * 2 * queries * keysSeen(config, layer, keys);
  return numHiddenLayers * (2 * weights + blend) + attention;
}

/** Of the keys before and its own, how many a query of a layer sees. */
function keysSeen(config: ModelConfig, layer: number, keys: number): number {
  return Math.min(keys, layerWindow(config, layer) || keys);
}

/**
 * All iterations at one position that sees `keys` keys; without the head. From the second on a model with recirculation
 * takes in what the one before left at the top.
 */
export function positionFlops(config: ModelConfig, keys: number, iterations: number, streamOff = false): number {
  const { hiddenSize, stateStream } = config;
  const recirculation = stateStream?.recirculate && !streamOff ? (2 * hiddenSize + 3) * hiddenSize : 0;
  return iterations * iterationFlops(config, keys, streamOff) + (iterations - 1) * recirculation;
}

/** Logits at one position. */
export function headFlops({ hiddenSize, vocabSize }: ModelConfig): number {
  return 2 * hiddenSize * vocabSize;
}

/**
 * A prompt and its continuation.
 *
 * @param iterations by generated token: at the prompt's last position for the first one, then at each token but the last
 */
export function completionFlops(
  config: ModelConfig,
  promptTokens: number,
  iterations: readonly number[],
  streamOff = false,
): number {
  let total = 0;
  for (let position = 0; position < promptTokens - 1; position++) {
    total += iterationFlops(config, position + 1, streamOff);
  }
  for (const [index, count] of iterations.entries()) {
    total += positionFlops(config, promptTokens + index, count, streamOff) + headFlops(config);
  }
  return total;
}
