/** The bodies of the two kinds of request as what is to be generated. */
import type { ChatMessage, ChatTemplate, Tokenizer } from "@sst/loaders";
import { invalidRequest } from "./api-error.js";
import type { Completer } from "./completer.js";
import type { ServerLimits } from "./limits.js";
import { type ParsedRequest, parseRequest } from "./parsed-request.js";
import { type ChatFields, type CompletionFields, chatFields, completionFields, parseFields } from "./request-fields.js";

interface Setting {
  readonly completer: Completer;
  readonly tokenizer: Tokenizer;
  readonly limits: ServerLimits;
}

/** As OpenAI's own: a text completion that asks for nothing gets so many. */
const defaultCompletionTokens = 16;

/** @throws ApiError naming the field */
export function completionRequest(body: unknown, { completer, tokenizer, limits }: Setting): ParsedRequest {
  const fields = parseFields(completionFields, body);
  const prompts = promptsOf(fields.prompt).map((prompt) =>
    typeof prompt === "string" ? tokenizer.encode(prompt) : prompt,
  );
  const maxNewTokens = {
    param: "max_tokens",
    value: fields.max_tokens ?? undefined,
    otherwise: defaultCompletionTokens,
  };
  return parseRequest(
    fields,
    { prompts, maxNewTokens, topLogProbabilities: fields.logprobs ?? undefined },
    completer,
    limits,
  );
}

function promptsOf(prompt: CompletionFields["prompt"]): readonly (string | readonly number[])[] {
  if (typeof prompt === "string") return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

/** No prompt at all and a prompt without tokens look alike: both are an empty prompt. */
function isTokens(prompt: readonly unknown[]): prompt is number[] {
  return prompt.every((item) => typeof item === "number");
}

/** @throws ApiError naming the field, or saying what a model that does not chat lacks */
export function chatRequest(
  body: unknown,
  { template, ...setting }: Setting & { readonly template: ChatTemplate | undefined },
): ParsedRequest {
  const fields = parseFields(chatFields, body);
  if (template === undefined) {
    throw invalidRequest(
      "this model has no chat template: use /v1/completions, or put a chat_template.jinja beside the model",
      "messages",
      "no_chat_template",
    );
  }
  const { completer, tokenizer, limits } = setting;
  const text = template.render(fields.messages.map(plainMessage), {
    addGenerationPrompt: true,
    ...(fields.chat_template_kwargs ? { variables: fields.chat_template_kwargs } : {}),
  });
  const prompts = [tokenizer.encode(text, { addSpecialTokens: false })];
  const newer = fields.max_completion_tokens ?? undefined;
  const maxNewTokens = {
    param: newer === undefined ? "max_tokens" : "max_completion_tokens",
    value: newer ?? fields.max_tokens ?? undefined,
    otherwise: limits.maxNewTokens,
  };
  const topLogProbabilities = fields.logprobs ? (fields.top_logprobs ?? 0) : undefined;
  return parseRequest(fields, { prompts, maxNewTokens, topLogProbabilities }, completer, limits);
}

/** Templates take texts; clients may send them in parts. */
function plainMessage({ content, ...rest }: ChatFields["messages"][number]): ChatMessage {
  const text = Array.isArray(content) ? content.map((part) => part.text).join("") : content;
  return { ...rest, content: text ?? null };
}
