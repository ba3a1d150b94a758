/** Gradient checkpointing of one decoder layer: its tensors as named inputs of a function that can be run again. */
import { recomputed, type Tensor } from "@sst/tensor";
import { isPacked, type LinearWeight } from "./linear.js";
import type { LayerWeights } from "./weights.js";

export interface LayerInputs {
  /** The layer's input. */
  readonly x: Tensor;
  readonly layer: LayerWeights;
  /** The states to blend in, where an earlier pass has left them. */
  readonly blended?: Tensor | undefined;
}

/** What `run` gives, without what it computes on the way being kept for the backward pass. */
export function recomputedLayer(inputs: LayerInputs, run: (inputs: LayerInputs) => Tensor): Tensor {
  const { x, layer, blended } = inputs;
  return recomputed<string>(
    ({ x: again, blended: states, ...weights }) => {
      return run({ x: again as Tensor, layer: withTensors(layer, weights), blended: states });
    },
    { x, ...(blended && { blended }), ...tensorsOf(layer) },
  );
}

/** All tensors of a layer's weights by a path such as `q_proj/words`. */
function tensorsOf(layer: LayerWeights): Record<string, Tensor> {
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
function withTensors(layer: LayerWeights, tensors: Readonly<Record<string, Tensor>>): LayerWeights {
  const at = (path: string) => tensors[path] as Tensor;
  const entries = Object.entries(layer).map(([name, weight]: [string, LinearWeight | undefined]) => {
    if (weight === undefined || !isPacked(weight)) return [name, tensors[name]];
    const { adapter } = weight;
    const ownAdapter = adapter && { ...adapter, a: at(`${name}/a`), b: at(`${name}/b`) };
    const packed = { ...weight, words: at(`${name}/words`), scales: at(`${name}/scales`) };
    return [name, ownAdapter ? { ...packed, adapter: ownAdapter } : packed];
  });
  return Object.fromEntries(entries) as LayerWeights;
}
