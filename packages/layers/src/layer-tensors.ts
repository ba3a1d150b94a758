/** A layer's weights as named tensors: for functions that are run again on tensors in their places. */
import type { Tensor } from "@sst/tensor";
import { isPacked, type LinearWeight } from "./linear.js";
import type { LayerWeights } from "./weights.js";

/** All tensors of a layer's weights by a path such as `q_proj/words`. */
export function tensorsOf(layer: Partial<LayerWeights>): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(layer) as [string, LinearWeight | undefined][]) {
    if (weight === undefined) continue;
    if (!isPacked(weight)) {
      tensors[name] = weight;
      continue;
    }
    const { words, scales, adapter } = weight;
    Object.assign(tensors, { [`${name}/words`]: words, [`${name}/scales`]: scales });
    if (adapter) Object.assign(tensors, { [`${name}/a`]: adapter.a, [`${name}/b`]: adapter.b });
  }
  return tensors;
}

/** The layer with other tensors in the places that `tensorsOf` names. */
export function withTensors<Weights extends Partial<LayerWeights>>(
  layer: Weights,
  tensors: Readonly<Record<string, Tensor>>,
): Weights {
  const at = (path: string) => tensors[path] as Tensor;
  const entries = Object.entries(layer).map(([name, weight]: [string, LinearWeight | undefined]) => {
    if (weight === undefined || !isPacked(weight)) return [name, tensors[name]];
    const { adapter } = weight;
    const ownAdapter = adapter && { ...adapter, a: at(`${name}/a`), b: at(`${name}/b`) };
    const packed = { ...weight, words: at(`${name}/words`), scales: at(`${name}/scales`) };
    return [name, ownAdapter ? { ...packed, adapter: ownAdapter } : packed];
  });
  return Object.fromEntries(entries) as Weights;
}
