/** The data of models whose backbone is frozen, and so need not come back from the device. */
import type { HostTensor, ModelData } from "./config.js";
import type { DecoderModel } from "./decoder-model.js";
import { downloaded } from "./device-weights.js";
import { adapterShapes, streamShapes } from "./parameters.js";

/**
 * The backbone's data with what the model has beside it, downloaded: adapters and stream. The way to save a model whose
 * backbone is packed on the device, from the data that it was made of.
 */
export async function withAdditionsOf(backbone: ModelData, model: DecoderModel): Promise<ModelData> {
  const { config, lora } = model;
  const read = async (names: readonly string[]) => {
    const tensors: Record<string, HostTensor> = {};
    for (const name of names) tensors[name] = await downloaded(model.tensor(name));
    return tensors;
  };
  const weights = { ...backbone.weights, ...(await read(Object.keys(streamShapes(config)))) };
  if (lora === undefined) return { config, weights };
  return { config, weights, adapter: { config: lora, weights: await read(Object.keys(adapterShapes(config, lora))) } };
}
