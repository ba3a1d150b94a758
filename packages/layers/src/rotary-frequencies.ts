/** By how much each pair of dimensions turns from one position to the next. */
import type { LayerType, ModelConfig, RopeScaling } from "./config.js";

/** Radians per position of the `headDim / 2` pairs, in the layers of a type. */
export function rotaryFrequencies(config: ModelConfig, layerType: LayerType): number[] {
  const half = config.headDim / 2;
  const isLocal = layerType === "sliding_attention" && config.ropeLocalBaseFreq !== undefined;
  const base = isLocal ? (config.ropeLocalBaseFreq as number) : config.ropeTheta;
  const frequencies = Array.from({ length: half }, (_, i) => base ** (-i / half));
  const { ropeScaling } = config;
  if (isLocal || ropeScaling === undefined) return frequencies;
  return frequencies.map((frequency) => scaled(frequency, ropeScaling));
}

function scaled(frequency: number, scaling: RopeScaling): number {
  const slow = frequency / scaling.factor;
  if (scaling.ropeType === "linear") return slow;
  const { lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
  // How often the pair turns around within the context that the model was pretrained with.
  const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI);
  const share = Math.min(1, Math.max(0, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)));
  return (1 - share) * slow + share * frequency;
}
