/** Gradient checkpointing of one decoder layer: its tensors as named inputs of a function that can be run again. */
import { recomputed, type Tensor } from "@sst/tensor";
import { tensorsOf, withTensors } from "./layer-tensors.js";
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
