/**
 * What a training step costs, in floating-point operations in closed form: matrix products, the products of attention, and
 * the blends; three times the forward pass. What is left out (norms, activations, the optimiser) is under a few percent.
 */
import { headFlops, iterationFlops } from "@sst/eval";
import type { ModelConfig } from "@sst/layers";

export interface SequenceCost {
  readonly time: number;
  /** Of the last position. */
  readonly iterations: number;
  /** Columns that logits are computed of: positions, and iterations of them. */
  readonly asked: number;
}

/** One sequence whose last position runs several times. */
export function trainingFlops(config: ModelConfig, { time, iterations, asked }: SequenceCost): number {
  const { hiddenSize, stateStream } = config;
  let forward = 0;
  for (let position = 1; position <= time; position++) forward += iterationFlops(config, position);
  forward += (iterations - 1) * iterationFlops(config, time);
  forward += asked * headFlops(config);
  if (stateStream?.recirculate) forward += (iterations - 1) * (2 * hiddenSize + 3) * hiddenSize;
  return 3 * forward;
}
