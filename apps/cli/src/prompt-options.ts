/** What `sst generate` and `sst inspect` are both told: a model, a prompt, and how it goes on from there. */
import type { ModelConfig } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type { Command } from "commander";
import {
  type CommonOptions,
  type PackingOptions,
  wholeNumber,
  withCommonOptions,
  withPackingOptions,
} from "./arguments.js";
import { type DeliberationOptions, withDeliberationOptions } from "./deliberation/deliberation-text.js";
import { modelDescription } from "./model-source.js";
import { givenSampling, type SamplingFlags, withSamplingOptions } from "./sampling-options.js";

export interface PromptOptions extends CommonOptions, PackingOptions, SamplingFlags, DeliberationOptions {
  readonly model: string;
  readonly prompt: string;
  readonly maxNewTokens?: number;
  readonly streamOff?: boolean;
}

/** How many tokens there can be, and how many there are where nothing is said. */
export interface NewTokens {
  readonly least: number;
  readonly otherwise: number;
}

export function withPromptOptions(command: Command, { least, otherwise }: NewTokens): Command {
  command
    .requiredOption("--model <model>", modelDescription)
    .requiredOption("--prompt <text>", 'what to go on from, or symbols such as "132 213"')
    .option("--max-new-tokens <N>", `tokens to generate at most (default: ${otherwise})`, wholeNumber(least))
    .option("--stream-off", "run the plain backbone");
  return withCommonOptions(withPackingOptions(withSamplingOptions(withDeliberationOptions(command))));
}

/** @throws SstError `empty-prompt` */
export function encodePrompt({ prompt }: PromptOptions, tokenizer: Tokenizer): number[] {
  if (prompt === "") throw new SstError("empty-prompt", "the prompt is empty: give --prompt some text");
  return tokenizer.encode(prompt);
}

/** Where nothing is said, no more than the context holds. */
export function newTokensFor(
  { maxNewTokens }: PromptOptions,
  promptTokens: number,
  { maxPositionEmbeddings }: ModelConfig,
  { least, otherwise }: NewTokens,
): number {
  return maxNewTokens ?? Math.max(least, Math.min(otherwise, maxPositionEmbeddings - promptTokens));
}

/**
 * Of a model that labels what it is given.
 *
 * @param others options that were given and say how to go on
 * @throws SstError `contradiction` for an option that says how to go on
 */
export function refuseGoingOn(options: PromptOptions, others: readonly string[] = []): void {
  const tokens = (options.maxNewTokens ?? 0) > 0 ? ["--max-new-tokens"] : [];
  const policy = options.deliberation === undefined ? [] : ["--deliberation"];
  const [refused] = [...tokens, ...givenSampling(options), ...policy, ...others];
  if (refused === undefined) return;
  throw new SstError(
    "contradiction",
    `this model labels the symbols that it is given and draws nothing: ${refused} does not apply, leave it out`,
  );
}
