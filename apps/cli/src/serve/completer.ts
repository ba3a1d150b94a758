/** What the server and the chat need of a model: tokens in, events out. Whatever generates stands behind this. */
import type { IterationEnd, SamplingOptions, TokenLogProbability } from "@sst/infer";
import type { Deliberation, PolicyName } from "../deliberation/deliberation.js";

export interface Completer {
  /** What clients call the model. */
  readonly modelId: string;
  /** Positions that prompt and continuation have together, at most. */
  readonly contextLength: number;
  readonly abilities: Abilities;
  /**
   * The choices of an answer, one continuation after the other; those that follow each other with the same prompt read it once. Each ends
   * with `generation-end`, also where the signal aborts, and then there is no other; a consumer that reads slowly makes it generate slowly,
   * and one that stops reading ends it.
   *
   * @throws SstError for a request that the model cannot do
   */
  complete(requests: readonly CompletionRequest[]): AsyncIterable<ChoiceEvent>;
  dispose(): void;
}

/** What else than texts it can do: requests for more are refused before they wait. */
export interface Abilities {
  readonly logProbabilities: boolean;
  readonly policies: readonly PolicyName[];
}

export interface CompletionRequest extends SamplingOptions {
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Texts that end the continuation; no part of them is given out. */
  readonly stop: readonly string[];
  /** Asks for log-probabilities: of the token that was drawn, and of so many likeliest ones. */
  readonly topLogProbabilities?: number;
  readonly deliberation?: Deliberation;
  readonly signal: AbortSignal;
}

export type GenerationEvent = IterationEnd | TokenDelta | GenerationEnd;

/** Of one of the requests, counted from 0. */
export type ChoiceEvent = GenerationEvent & { readonly choice: number };

export interface TokenDelta {
  readonly event: "token-delta";
  /** Of the new token, from 0 on. */
  readonly index: number;
  readonly token: number;
  /** What the token makes certain, perhaps nothing. */
  readonly text: string;
  readonly logProbability?: number;
  readonly topLogProbabilities?: readonly TokenLogProbability[];
  /** That the position which gave the token had. */
  readonly iterations: number;
}

export interface GenerationEnd {
  readonly event: "generation-end";
  readonly reason: "stop" | "length" | "aborted";
  /** Text that was held back until now, since it could have become a stop text or a longer character. */
  readonly text: string;
  readonly figures: GenerationFigures;
}

export interface GenerationFigures {
  readonly promptTokens: number;
  readonly newTokens: number;
  /** At the positions that gave the new tokens, all together. */
  readonly iterations: number;
  readonly durationMs: number;
}
