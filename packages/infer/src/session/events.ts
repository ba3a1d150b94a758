/** What a generation tells while it runs: plain data, named noun first. */
import type { TokenLogProbability } from "../sampling/log-probabilities.js";

/** An iteration at a position where a policy looks on. Where the number of iterations is known beforehand there are none of these. */
export interface IterationEnd {
  readonly event: "iteration-end";
  readonly position: number;
  /** From 1 on. */
  readonly iteration: number;
}

export interface TokenDelta {
  readonly event: "token-delta";
  /** Of the generated tokens, from 0 on. */
  readonly index: number;
  readonly token: number;
  /** What is certain of the text with this token; perhaps nothing. Empty without a decoder. */
  readonly text: string;
  /** In the model's own distribution, in nats. */
  readonly logProbability: number;
  /** The likeliest tokens, where they were asked for. */
  readonly topLogProbabilities?: readonly TokenLogProbability[];
  /** At the position that gave the token. */
  readonly iterations: number;
}

export interface GenerationFigures {
  /** Tokens that the session held before. */
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Of all positions that gave a token. */
  readonly iterations: number;
  /**
   * Floating-point operations of what it ran, in closed form (`positionFlops` and `headFlops` of `@sst/layers`): positions with all
   * their iterations, and logits as often as they were made, after each iteration where the policy looks at them. The prompt's
   * reading, but for its last position, is not in it.
   */
  readonly flops: number;
  readonly durationMs: number;
  /** Until the first token. */
  readonly firstTokenMs: number;
}

export interface GenerationEnd {
  readonly event: "generation-end";
  /** A stop token, a stop text, as many tokens as were asked for, or a whole answer of those to choose from. */
  readonly reason: "stop-token" | "stop-text" | "length" | "choice";
  /** What was held back of the text, with a decoder. */
  readonly text: string;
  /** Which answer, with choices. */
  readonly choice?: number;
  readonly figures: GenerationFigures;
}

export type GenerationEvent = IterationEnd | TokenDelta | GenerationEnd;
