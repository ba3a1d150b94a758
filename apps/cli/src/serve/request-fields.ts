/** The fields of requests: OpenAI's, and ours beside them. What we do not know is refused, so that no wish is ignored silently. */
import * as v from "valibot";
import { deliberationSchema } from "../deliberation/deliberation.js";
import { type ApiError, invalidRequest } from "./api-error.js";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const between = (least: number, most: number) => v.pipe(v.number(), v.minValue(least), v.maxValue(most));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));

/** Clients send these to everybody; they change nothing here. */
const withoutEffect = {
  user: v.nullish(v.string()),
  safety_identifier: v.nullish(v.string()),
  prompt_cache_key: v.nullish(v.string()),
  metadata: v.nullish(v.record(v.string(), v.unknown())),
  store: v.nullish(v.boolean()),
  service_tier: v.nullish(v.string()),
};

const shared = {
  ...withoutEffect,
  model: v.nullish(v.string()),
  max_tokens: v.nullish(count),
  temperature: v.nullish(between(0, 2)),
  top_p: v.nullish(share),
  top_k: v.nullish(count),
  min_p: v.nullish(between(0, 1)),
  repetition_penalty: v.nullish(v.pipe(v.number(), v.gtValue(0), v.finite())),
  presence_penalty: v.nullish(between(-2, 2)),
  frequency_penalty: v.nullish(between(-2, 2)),
  logit_bias: v.nullish(v.record(v.pipe(v.string(), v.digits()), between(-100, 100))),
  n: v.nullish(count),
  seed: v.nullish(v.pipe(v.number(), v.safeInteger())),
  stop: v.nullish(
    v.union([v.pipe(v.string(), v.nonEmpty()), v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.maxLength(4))]),
  ),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.strictObject({ include_usage: v.optional(v.boolean()) })),
  deliberation: v.nullish(deliberationSchema),
};

const tokens = v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

export const completionFields = v.strictObject({
  ...shared,
  prompt: v.union([v.string(), tokens, v.array(v.string()), v.array(tokens)]),
  logprobs: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5))),
  echo: v.nullish(v.literal(false)),
  best_of: v.nullish(v.literal(1)),
  suffix: v.nullish(v.literal("")),
});

const textPart = v.strictObject({ type: v.literal("text"), text: v.string() });

const message = v.looseObject({
  role: v.picklist(["system", "developer", "user", "assistant", "tool"]),
  content: v.nullish(v.union([v.string(), v.array(textPart)])),
});

export const chatFields = v.strictObject({
  ...shared,
  messages: v.pipe(v.array(message), v.nonEmpty()),
  max_completion_tokens: v.nullish(count),
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(20))),
  response_format: v.nullish(v.strictObject({ type: v.literal("text") })),
  tools: v.nullish(v.pipe(v.array(v.unknown()), v.maxLength(0))),
  tool_choice: v.nullish(v.picklist(["none", "auto"])),
  /** What else the model's template understands, as other servers call it. */
  chat_template_kwargs: v.nullish(v.record(v.string(), v.unknown())),
});

export type SharedFields = v.InferOutput<ReturnType<typeof v.strictObject<typeof shared, undefined>>>;
export type CompletionFields = v.InferOutput<typeof completionFields>;
export type ChatFields = v.InferOutput<typeof chatFields>;

/** @throws ApiError 400 naming the field */
export function parseFields<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  throw complaint(result.issues[0]);
}

function complaint(issue: v.BaseIssue<unknown>): ApiError {
  const param = v.getDotPath(issue) ?? undefined;
  if (param === undefined) return invalidRequest("the body should be a JSON object");
  if (issue.type === "strict_object" && issue.expected === "never") {
    return invalidRequest(`${shortened(param)} is not a field of this request`, shortened(param), "unknown_field");
  }
  if (issue.input === undefined) return invalidRequest(`${param} is missing`, param, "missing_field");
  return invalidRequest(`${shortened(param)}: ${shortened(issue.message)}`, shortened(param), "invalid_value");
}

/** A client may have sent a novel. */
function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
