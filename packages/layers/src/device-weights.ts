/** Weights on their way from host memory to the device, as floats or packed. */
import { keep, type PackedMatrix, packMatrix, type Tensor, tensor, type WeightFormat } from "@sst/tensor";
import type { HostTensor, ModelConfig } from "./config.js";
import { type ActivationFormat, isPacked, type LinearWeight } from "./linear.js";
import { embeddingName, headName, isLinear } from "./parameters.js";

export type HostWeight = HostTensor | PackedMatrix;

/**
 * What a parameter becomes on the device, by name. In a quantised model linear layers and the head are packed; where the
 * head is the embedding, that stays as it is for looking up rows, and a packed copy of it is the head.
 */
export function hostWeights(
  config: ModelConfig,
  name: string,
  parameter: HostTensor,
  quantize: WeightFormat | undefined,
): Record<string, HostWeight> {
  const { data, shape } = parameter;
  const packed = () => packMatrix(data, shape as [number, number], quantize as WeightFormat);
  if (quantize === undefined) return { [name]: parameter };
  if (isLinear(name)) return { [name]: packed() };
  return { [name]: parameter, ...(name === embeddingName && config.tieWordEmbeddings && { [headName]: packed() }) };
}

/** On the active backend, until `disposeWeight`. */
export function upload(weight: HostWeight, activations: ActivationFormat): LinearWeight {
  if ("data" in weight) return placed(weight.data, weight.shape, "float32");
  const { format, outSize, words, scales } = weight;
  return {
    format,
    activations,
    words: placed(words, [outSize, words.length / outSize], "int32"),
    scales: placed(scales, [scales.length], "int32"),
  };
}

/** In host memory. */
export async function downloaded(value: Tensor): Promise<HostTensor> {
  return { shape: value.shape, data: (await value.data()) as Float32Array };
}

export function disposeWeight(weight: LinearWeight): void {
  for (const part of isPacked(weight) ? [weight.words, weight.scales] : [weight]) part.dispose();
}

function placed(values: Float32Array | Int32Array, shape: readonly number[], dtype: "float32" | "int32"): Tensor {
  return keep(tensor(values, [...shape], dtype));
}
