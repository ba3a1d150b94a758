/** How answers look: what text completions and chat completions have in common, and where they differ. */
import type { Tokenizer } from "@sst/loaders";
import type { TokenDelta } from "./completer.js";

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Ours: of the positions that gave the completion's tokens, all together. */
  readonly iterations: number;
}

export interface ChoicePart {
  readonly index: number;
  readonly text: string;
  /** With their log-probabilities, where these were asked for. */
  readonly tokens: readonly TokenDelta[];
  readonly finishReason: "stop" | "length" | null;
}

export interface Dialect {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** Whole, as the answer's `choices` has it. */
  choice(part: ChoicePart, tokenizer: Tokenizer): object;
  /** What goes before the first piece of a streamed choice. */
  opening(index: number): object | undefined;
  chunk(part: ChoicePart, tokenizer: Tokenizer): object;
}

export const completionDialect: Dialect = {
  idPrefix: "cmpl-",
  object: "text_completion",
  chunkObject: "text_completion",
  choice: textChoice,
  opening: () => undefined,
  chunk: textChoice,
};

function textChoice({ index, text, tokens, finishReason }: ChoicePart, tokenizer: Tokenizer): object {
  return { index, text, logprobs: textLogProbabilities(tokens, tokenizer), finish_reason: finishReason };
}

export const chatDialect: Dialect = {
  idPrefix: "chatcmpl-",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  choice: ({ index, text, tokens, finishReason }, tokenizer) => ({
    index,
    message: { role: "assistant", content: text, refusal: null },
    logprobs: chatLogProbabilities(tokens, tokenizer),
    finish_reason: finishReason,
  }),
  opening: (index) => ({
    index,
    delta: { role: "assistant", content: "" },
    logprobs: null,
    finish_reason: null,
  }),
  chunk: ({ index, text, tokens, finishReason }, tokenizer) => ({
    index,
    delta: text === "" ? {} : { content: text },
    logprobs: chatLogProbabilities(tokens, tokenizer),
    finish_reason: finishReason,
  }),
};

function textLogProbabilities(tokens: readonly TokenDelta[], tokenizer: Tokenizer): object | null {
  if (!tokens.some(({ logProbability }) => logProbability !== undefined)) return null;
  const name = (token: number) => tokenizer.decode([token]);
  return {
    tokens: tokens.map(({ token }) => name(token)),
    token_logprobs: tokens.map(({ logProbability }) => logProbability),
    top_logprobs: tokens.map(({ topLogProbabilities = [] }) =>
      Object.fromEntries(topLogProbabilities.map(({ token, logProbability }) => [name(token), logProbability])),
    ),
  };
}

function chatLogProbabilities(tokens: readonly TokenDelta[], tokenizer: Tokenizer): object | null {
  if (!tokens.some(({ logProbability }) => logProbability !== undefined)) return null;
  const described = (token: number, logprob: number | undefined) => {
    const text = tokenizer.decode([token]);
    return { token: text, logprob, bytes: [...Buffer.from(text)] };
  };
  return {
    content: tokens.map(({ token, logProbability, topLogProbabilities = [] }) => ({
      ...described(token, logProbability),
      top_logprobs: topLogProbabilities.map((top) => described(top.token, top.logProbability)),
    })),
  };
}
