/** What a request asks for, whichever of the two kinds it is: held against the model and the server's limits. */
import { randomInt } from "node:crypto";
import { type Deliberation, mostIterations } from "../deliberation/deliberation.js";
import { ApiError, invalidRequest } from "./api-error.js";
import type { Completer, CompletionRequest } from "./completer.js";
import type { ServerLimits } from "./limits.js";
import type { SharedFields } from "./request-fields.js";

/** One for each choice of the answer. */
export type Generation = Omit<CompletionRequest, "signal">;

export interface ParsedRequest {
  readonly generations: readonly Generation[];
  readonly promptTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

export interface Asked {
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: { readonly param: string; readonly value: number | undefined; readonly otherwise: number };
  readonly topLogProbabilities: number | undefined;
}

/** @throws ApiError 400 naming the field, 404 for another model */
export function parseRequest(
  fields: SharedFields,
  asked: Asked,
  completer: Completer,
  limits: ServerLimits,
): ParsedRequest {
  requireModel(fields.model ?? undefined, completer);
  const { prompts } = asked;
  const perPrompt = fields.n ?? 1;
  const choices = prompts.length * perPrompt;
  if (choices > limits.maxChoices) {
    throw invalidRequest(
      `${choices} completions are asked for, but this server gives at most ${limits.maxChoices}`,
      "n",
    );
  }
  if (asked.topLogProbabilities !== undefined && !completer.abilities.logProbabilities) {
    throw invalidRequest("logprobs: this server cannot give log-probabilities yet; leave the field out", "logprobs");
  }
  const sampling = samplingOf(fields, deliberationOf(fields, completer, limits), asked.topLogProbabilities);
  const seed = fields.seed ?? randomInt(2 ** 32);
  const generations = prompts.flatMap((prompt, of) => {
    const maxNewTokens = newTokensFor(prompt, asked, completer, limits);
    return Array.from({ length: perPrompt }, (_, index) => {
      return { ...sampling, prompt, maxNewTokens, seed: seed + of * perPrompt + index };
    });
  });
  return {
    generations,
    promptTokens: prompts.reduce((sum, { length }) => sum + length, 0),
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
  };
}

/** @throws ApiError 404 */
export function requireModel(model: string | undefined, { modelId }: Completer): void {
  if (model === undefined || model === modelId) return;
  throw new ApiError(404, "invalid_request_error", `there is no model of this name here, only "${modelId}"`, {
    param: "model",
    code: "model_not_found",
  });
}

function newTokensFor(
  prompt: readonly number[],
  { maxNewTokens }: Asked,
  completer: Completer,
  limits: ServerLimits,
): number {
  const { param, value, otherwise } = maxNewTokens;
  if (prompt.length === 0)
    throw invalidRequest("the prompt is empty: give at least one token", "prompt", "empty_prompt");
  if (value !== undefined && value > limits.maxNewTokens) {
    throw invalidRequest(`${param} is ${value}, but this server gives at most ${limits.maxNewTokens} tokens`, param);
  }
  const room = completer.contextLength - prompt.length;
  if (room < (value ?? 1)) {
    throw invalidRequest(
      `the prompt has ${prompt.length} tokens and ${value ?? 1} more are asked for, but the model's context is ` +
        `${completer.contextLength}: shorten the prompt or ask for less`,
      value === undefined ? undefined : param,
      "context_length_exceeded",
    );
  }
  return value ?? Math.min(otherwise, limits.maxNewTokens, room);
}

function deliberationOf(
  { deliberation }: SharedFields,
  { abilities }: Completer,
  { maxIterations }: ServerLimits,
): Deliberation | undefined {
  if (deliberation == null) return undefined;
  const { policy } = deliberation;
  if (!abilities.policies.includes(policy)) {
    const known = abilities.policies.join(", ");
    throw invalidRequest(
      `deliberation.policy: this server cannot do "${policy}" yet, but: ${known}`,
      "deliberation.policy",
    );
  }
  const name = policy === "fixed" ? "iterations" : "maximum";
  const most = mostIterations(deliberation);
  if (most > maxIterations) {
    const message = `deliberation.${name} is ${most}, but this server gives at most ${maxIterations} iterations`;
    throw invalidRequest(message, `deliberation.${name}`);
  }
  return deliberation;
}

function samplingOf(
  fields: SharedFields,
  deliberation: Deliberation | undefined,
  topLogProbabilities: number | undefined,
) {
  const { stop } = fields;
  return withoutAbsent({
    // What OpenAI's own does where nothing is said.
    temperature: fields.temperature ?? 1,
    topP: fields.top_p,
    topK: fields.top_k,
    minP: fields.min_p,
    repetitionPenalty: fields.repetition_penalty,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: fields.logit_bias,
    stop: stop == null ? [] : [stop].flat(),
    deliberation,
    topLogProbabilities,
  }) as Pick<Generation, "stop"> & Partial<Generation>;
}

function withoutAbsent(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null));
}
