/** Adapters taken into the weights that they adapt, in host memory: for files of formats that know no adapters. */
import type { HostTensor, LinearName, LoraConfig, ModelData } from "../config.js";
import { adapterNames, linearShapes } from "../parameters.js";
import { isTarget, linearModules } from "./target-modules.js";

/** The same model without adapters: `W + (alpha / rank) · B·A`, added up in float64. A model without any is itself. */
export function withMergedAdapters({ adapter, ...data }: ModelData): ModelData {
  if (adapter === undefined) return data;
  const adapted = linearModules(data.config).filter((module) => isTarget(adapter.config, module));
  const merged = adapted.map((module) => {
    const [nameOfA, nameOfB] = adapterNames(module);
    const { shape } = linearShapes(data.config)[module.split(".").at(-1) as LinearName];
    const factors = [adapter.weights[nameOfA], adapter.weights[nameOfB]] as [HostTensor, HostTensor];
    const name = `${module}.weight`;
    return [name, { shape, data: sum((data.weights[name] as HostTensor).data, factors, shape, adapter.config) }];
  });
  return { ...data, weights: { ...data.weights, ...Object.fromEntries(merged) } };
}

function sum(
  weight: Float32Array,
  [{ data: a }, { data: b }]: readonly [HostTensor, HostTensor],
  [outSize, inSize]: readonly [number, number],
  { rank, alpha }: LoraConfig,
): Float32Array {
  const result = new Float32Array(weight.length);
  const row = new Float64Array(inSize);
  for (let out = 0; out < outSize; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = (alpha / rank) * (b[out * rank + r] as number);
      for (let i = 0; i < inSize; i++) row[i] = (row[i] as number) + factor * (a[r * inSize + i] as number);
    }
    for (let i = 0; i < inSize; i++)
      result[out * inSize + i] = (weight[out * inSize + i] as number) + (row[i] as number);
  }
  return result;
}
