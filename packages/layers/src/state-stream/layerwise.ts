/**
 * `layerwise` (ours): within one layer the recurrence needs nothing from the layers above, so it is solved there by K
 * sweeps of the feed-forward network, each a correction of the one before, and the layer above starts from the result.
 */
import type { Tensor } from "@sst/tensor";
import { withoutGradient } from "@sst/tensor";
import type { ForwardPlan } from "../forward-options.js";
import { firstSweep, type LayerStream, sweep } from "./layer-stream.js";
import { propagate } from "./propagation.js";

/** States of all columns after `sweeps` sweeps; the gradient flows through the last one, or through all. */
export function solveLayerwise(
  a: Tensor,
  stream: LayerStream,
  { sweeps, propagation, sweepGradient }: Pick<ForwardPlan, "sweeps" | "propagation" | "sweepGradient">,
): Tensor {
  if (sweeps === 1) return firstSweep(a, stream);
  const sweepBefore = () => {
    let y = firstSweep(a, stream);
    let next = propagate(propagation, y, a, stream);
    for (let count = 2; count < sweeps; count++) {
      y = sweep(a, next, stream.keep, stream);
      next = propagate(propagation, y, next, stream);
    }
    return next;
  };
  return sweep(a, sweepGradient === "all" ? sweepBefore() : withoutGradient(sweepBefore), stream.keep, stream);
}
