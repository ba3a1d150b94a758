/**
 * What a training step costs, in floating-point operations in closed form: matrix products, the products of attention, and
 * the blends; three times the forward pass. What is left out (norms, activations, the optimiser) is under a few percent.
 */
import type { ModelConfig } from "@sst/layers";

/** One sequence of `time` positions whose last one runs `iterations` times and is asked after each. */
export function trainingFlops(config: ModelConfig, time: number, iterations: number): number {
  const { hiddenSize, vocabSize, stateStream } = config;
  let forward = 0;
  for (let position = 1; position <= time; position++) forward += columnFlops(config, position);
  forward += (iterations - 1) * columnFlops(config, time);
  forward += iterations * 2 * hiddenSize * vocabSize;
  if (stateStream?.recirculate) forward += (iterations - 1) * (2 * hiddenSize + 3) * hiddenSize;
  return 3 * forward;
}

/** All layers at one column that sees so many keys. */
function columnFlops(config: ModelConfig, keys: number): number {
  const { hiddenSize, intermediateSize, headDim, numAttentionHeads, numKeyValueHeads, numHiddenLayers } = config;
  const queries = numAttentionHeads * headDim;
  const weights = 2 * hiddenSize * (queries + numKeyValueHeads * headDim) + 3 * hiddenSize * intermediateSize;
  const blend = config.stateStream === undefined ? 0 : 3 * hiddenSize;
  return numHiddenLayers * (2 * weights + 4 * queries * keys + blend);
}
