/**
 * What a training step costs, in floating-point operations in closed form: matrix products, the products of attention, and
 * the blends; three times the forward pass. What is left out (norms, activations, the optimiser) is under a few percent.
 */
import { headFlops, iterationFlops, type ModelConfig, positionFlops } from "@sst/layers";

export interface SequenceCost {
  readonly time: number;
  /** Of the last position. */
  readonly iterations: number;
  /** Columns that logits are computed of: positions, and iterations of them. */
  readonly asked: number;
}

/** One sequence whose last position runs several times. */
export function trainingFlops(config: ModelConfig, { time, iterations, asked }: SequenceCost): number {
  let forward = positionFlops(config, time, iterations) + asked * headFlops(config);
  for (let position = 1; position < time; position++) forward += iterationFlops(config, position);
  return 3 * forward;
}
