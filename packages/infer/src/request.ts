/** What a generation is asked for, held against the model before anything is read. */
import { type ModelConfig, planForward, requireKnownTokens } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { checkSampling, type SamplingOptions } from "./sampling/options.js";

/** What every generation from a prompt can be told, whatever it gives out. */
export interface PromptedOptions extends SamplingOptions {
  /** Seeds the draws; defaults to 0. */
  readonly seed?: number;
  /** Tokens that end the generation. */
  readonly stopTokens?: readonly number[];
  /** Iterations at every position (deliberation); defaults to 1. */
  readonly iterations?: number;
  /**
   * Iterations at the prompt's positions but the last, which is the first to give a token; defaults to `iterations`. With 1
   * the prompt is read once, and only what is generated is deliberated on.
   */
  readonly promptIterations?: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * @param newTokens that follow the prompt, `leastNewTokens` of them or more
 * @throws SstError `empty-prompt`, `unknown-token`, `context-overflow` where prompt and continuation do not fit the model's
 * context, `contradiction` and `invalid-argument` for options
 */
export function requireRequest(
  config: ModelConfig,
  prompt: readonly number[],
  options: PromptedOptions,
  newTokens: number,
  leastNewTokens: number,
): void {
  const { iterations = 1, promptIterations = iterations, streamOff = false } = options;
  checkSampling(options, config.vocabSize);
  for (const count of [iterations, promptIterations]) planForward(config, { iterations: count, streamOff });
  if (!Number.isInteger(newTokens) || newTokens < leastNewTokens) {
    throw new SstError(
      "invalid-argument",
      `maxNewTokens should be a whole number of at least ${leastNewTokens}, but is ${newTokens}`,
    );
  }
  if (prompt.length === 0) throw new SstError("empty-prompt", "the prompt is empty: give at least one token");
  requireKnownTokens(prompt, config);
  requireRoom(config, prompt.length, newTokens);
}

/** @throws SstError `context-overflow` where so many tokens do not fit the model's context */
export function requireRoom(
  { maxPositionEmbeddings }: Pick<ModelConfig, "maxPositionEmbeddings">,
  promptTokens: number,
  newTokens: number,
): void {
  const wanted = promptTokens + newTokens;
  if (wanted <= maxPositionEmbeddings) return;
  throw new SstError(
    "context-overflow",
    `the prompt's ${promptTokens} tokens and ${newTokens} new ones make ${wanted}, but the model's context is ` +
      `${maxPositionEmbeddings}: shorten the prompt or ask for at most ` +
      `${Math.max(0, maxPositionEmbeddings - promptTokens)} new tokens`,
  );
}
