/**
 * The probe (paper): from the latent states at the first generated position it says how likely the answer is to survive more
 * iterations. Here are its data and its forward pass; it is fitted in `@sst/train`, and judged in `@sst/eval`.
 */
import { SstError } from "@sst/tensor";
import type { ModelConfig } from "./config.js";

/** A logistic regression on standardised features, all of length `numHiddenLayers · hiddenSize`, layer by layer. */
export interface ProbeData {
  readonly mean: Float32Array;
  /** The standard deviation of each feature; 1 where there is none. */
  readonly scale: Float32Array;
  readonly weights: Float32Array;
  readonly bias: number;
}

export class Probe {
  /** @throws SstError `shape-mismatch` for arrays of different length */
  constructor(readonly data: ProbeData) {
    const { mean, scale, weights } = data;
    if (mean.length === weights.length && scale.length === weights.length) return;
    throw new SstError(
      "shape-mismatch",
      `a probe's arrays should be of one length, but are mean ${mean.length}, scale ${scale.length}, weights ${weights.length}`,
    );
  }

  /** How many features it reads. */
  get size(): number {
    return this.data.weights.length;
  }

  /** @throws SstError `shape-mismatch` for a model whose states are of another size */
  requireFor({ numHiddenLayers, hiddenSize }: ModelConfig): void {
    if (this.size === numHiddenLayers * hiddenSize) return;
    throw new SstError(
      "shape-mismatch",
      `the probe reads ${this.size} features, but the model has ${numHiddenLayers} layers of ${hiddenSize}: was it trained ` +
        "for another model?",
    );
  }

  /**
   * The probability that the answer survives.
   *
   * @param states the latent states of all layers at one position, one after the other
   * @throws SstError `shape-mismatch`
   */
  probability(states: ArrayLike<number>): number {
    const { mean, scale, weights, bias } = this.data;
    if (states.length !== this.size) {
      throw new SstError("shape-mismatch", `the probe reads ${this.size} features, but was given ${states.length}`);
    }
    let logit = bias;
    for (let index = 0; index < weights.length; index++) {
      const centred = (states[index] as number) - (mean[index] as number);
      logit += ((weights[index] as number) * centred) / (scale[index] as number);
    }
    return 1 / (1 + Math.exp(-logit));
  }
}
