/** By how much a pair of dimensions turns, written from the definitions of the papers and of Hugging Face's configs. */
import type { ModelConfig } from "@sst/layers";

/** Radians by which the pair (i, i + headDim / 2) of a layer is turned at a position. */
export function rotaryAngle(config: ModelConfig, layer: number, position: number, pair: number): number {
  const slides = config.layerTypes?.[layer] === "sliding_attention";
  if (slides && config.ropeLocalBaseFreq !== undefined) {
    return position / config.ropeLocalBaseFreq ** ((2 * pair) / config.headDim);
  }
  const angle = position / config.ropeTheta ** ((2 * pair) / config.headDim);
  const scaling = config.ropeScaling;
  if (scaling === undefined) return angle;
  if (scaling.ropeType === "linear") return angle / scaling.factor;
  // Llama 3.1: by wavelength, in positions.
  const wavelength = 2 * Math.PI * config.ropeTheta ** ((2 * pair) / config.headDim);
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = scaling;
  if (wavelength < original / highFreqFactor) return angle;
  if (wavelength > original / lowFreqFactor) return angle / factor;
  const smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * angle) / factor + smooth * angle;
}
