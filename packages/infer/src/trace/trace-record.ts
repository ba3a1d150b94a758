/** What a trace says of one position. */

export interface TokenProbability {
  readonly token: number;
  readonly probability: number;
}

/** Of a next-token distribution after one iteration. */
export interface DistributionFigures {
  readonly entropyNats: number;
  /** Jensen-Shannon divergence from the iteration before; null in the first. */
  readonly divergenceBits: number | null;
  /** The likeliest tokens, the likeliest first. */
  readonly top: readonly TokenProbability[];
}

/** Of the state that one layer leaves after one iteration. */
export interface StateFigures {
  /** Euclidean. */
  readonly norm: number;
  /** Cosine to the state that the position before left after its last iteration; null at the first. */
  readonly cosineToPosition: number | null;
  /** Cosine to the state of the iteration before; null in the first. */
  readonly cosineToIteration: number | null;
  /**
   * The logit lens: the distribution that final norm and head make of this state. The usual lens, on the residual stream after the
   * feed-forward network; in the last layer it is the model's own distribution.
   */
  readonly lens: DistributionFigures;
}

export interface TraceRecord {
  /** Counted from the prompt's first token. */
  readonly position: number;
  /** The token that was read there. */
  readonly token: number;
  readonly origin: "prompt" | "generated";
  /** The token that was chosen after it; null where none was asked for. */
  readonly next: number | null;
  /** The model's next-token distribution, by iteration. */
  readonly posterior: readonly DistributionFigures[];
  /** Jensen-Shannon divergence of the last iteration's distribution from that of the position before; null at the first. */
  readonly positionShiftBits: number | null;
  /** Jensen-Shannon divergence of the last iteration's distribution from the first one's; null where there is one iteration. */
  readonly iterationShiftBits: number | null;
  /** `[layer][iteration]`. */
  readonly layers: readonly (readonly StateFigures[])[];
  /** Full states, `[iteration, layer, hiddenSize]` row-major; on request. */
  readonly states?: Float32Array;
  /** Full next-token distributions, `[iteration, vocabSize]` row-major; on request. */
  readonly distributions?: Float32Array;
}
