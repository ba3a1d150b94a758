/**
 * `layerwise` (ours): within one layer the recurrence needs nothing from the layers above, so it is solved there by K
 * sweeps of the feed-forward network, each a correction of the one before, and the layer above starts from the result.
 */
import type { Tensor } from "@sst/tensor";
import { withoutGradient } from "@sst/tensor";
import { firstSweep, type LayerStream, sweep } from "./layer-stream.js";
import { type Propagation, propagate } from "./propagation.js";

/** States of all columns after `sweeps` sweeps; the gradient flows through the last one. */
export function solveLayerwise(a: Tensor, stream: LayerStream, sweeps: number, propagation: Propagation): Tensor {
  if (sweeps === 1) return firstSweep(a, stream);
  const blended = withoutGradient(() => {
    let y = firstSweep(a, stream);
    let next = propagate(propagation, y, a, stream);
    for (let count = 2; count < sweeps; count++) {
      y = sweep(a, next, stream.keep, stream);
      next = propagate(propagation, y, next, stream);
    }
    return next;
  });
  return sweep(a, blended, stream.keep, stream);
}
