/** A model in host memory, read as one in files is. */
import type { HostTensor, ModelData, ParameterSource } from "@sst/layers";

export function dataSource({ config, weights, adapter }: ModelData): ParameterSource {
  const tensors: Readonly<Record<string, HostTensor>> = { ...weights, ...adapter?.weights };
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
  return {
    config,
    lora: adapter?.config,
    shapes: Object.fromEntries(shapes),
    read: async (name, take) => take((tensors[name] as HostTensor).data),
  };
}
