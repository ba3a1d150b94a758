/** How large the caches of a generation are. */
import type { ModelConfig } from "@sst/layers";

/**
 * Slots for so many positions: a power of two of at least 64, or the model's context. Generations of about one length then have
 * caches of one shape, and decode by one recorded plan.
 */
export function capacityFor(
  positions: number,
  { maxPositionEmbeddings }: Pick<ModelConfig, "maxPositionEmbeddings">,
): number {
  return Math.min(maxPositionEmbeddings, 2 ** Math.ceil(Math.log2(Math.max(positions, 64))));
}
