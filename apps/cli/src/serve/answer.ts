/** From generations to an answer: whole, or piece by piece as they come. */
import type { Tokenizer } from "@sst/loaders";
import type { Completer, GenerationEnd, TokenDelta } from "./completer.js";
import type { ChoicePart, Dialect, Usage } from "./dialect.js";
import type { EventStream } from "./event-stream.js";
import type { ServerMetrics } from "./metrics.js";
import type { ParsedRequest } from "./parsed-request.js";

export interface AnswerSetting {
  readonly completer: Completer;
  readonly tokenizer: Tokenizer;
  readonly metrics: ServerMetrics;
}

interface Piece {
  readonly part: ChoicePart;
  readonly isFirst: boolean;
}

export class Answer {
  #completionTokens = 0;
  #iterations = 0;
  readonly #head: { readonly id: string; readonly created: number; readonly model: string };

  constructor(
    private readonly request: ParsedRequest,
    private readonly dialect: Dialect,
    private readonly setting: AnswerSetting,
    private readonly signal: AbortSignal,
  ) {
    const id = `${dialect.idPrefix}${crypto.randomUUID().replaceAll("-", "")}`;
    this.#head = { id, created: Math.floor(Date.now() / 1000), model: setting.completer.modelId };
  }

  /** @throws the signal's reason where it aborts, and what the completer throws */
  async whole(): Promise<object> {
    const choices: object[] = [];
    for (const index of this.request.generations.keys()) {
      const parts: ChoicePart[] = [];
      for await (const { part } of this.#pieces(index)) parts.push(part);
      const text = parts.map((part) => part.text).join("");
      const tokens = parts.flatMap((part) => part.tokens);
      const finishReason = parts.at(-1)?.finishReason ?? null;
      choices.push(this.dialect.choice({ index, text, tokens, finishReason }, this.setting.tokenizer));
    }
    return { ...this.#head, object: this.dialect.object, choices, usage: this.#usage() };
  }

  /** @throws as `whole`; the stream has then begun or not, but not ended */
  async streamed(stream: EventStream): Promise<void> {
    const { dialect, request, setting } = this;
    const noUsage = request.includeUsage ? { usage: null } : {};
    const send = (choices: object[], more: object) =>
      stream.send({ ...this.#head, object: dialect.chunkObject, choices, ...more });
    for (const index of request.generations.keys()) {
      for await (const { part, isFirst } of this.#pieces(index)) {
        const opening = isFirst ? dialect.opening(index) : undefined;
        if (opening !== undefined) await send([opening], noUsage);
        const isWorthSending = part.text !== "" || part.tokens.some(hasLogProbability) || part.finishReason !== null;
        if (isWorthSending) await send([dialect.chunk(part, setting.tokenizer)], noUsage);
      }
    }
    if (request.includeUsage) await send([], { usage: this.#usage() });
    await stream.send("[DONE]");
    stream.end();
  }

  async *#pieces(index: number): AsyncGenerator<Piece, void, void> {
    const { completer, metrics } = this.setting;
    const generation = this.request.generations[index];
    if (generation === undefined) throw new RangeError(`there is no generation ${index}`);
    const startedAt = performance.now();
    let isFirst = true;
    for await (const event of completer.complete({ ...generation, signal: this.signal })) {
      this.signal.throwIfAborted();
      if (event.event === "iteration-end") continue;
      if (event.event === "token-delta" && event.index === 0) metrics.firstToken(performance.now() - startedAt);
      yield { part: event.event === "token-delta" ? partOf(event, index) : this.#endOf(event, index), isFirst };
      isFirst = false;
      // A client that is gone may have been noticed while the piece was on its way.
      this.signal.throwIfAborted();
    }
  }

  #endOf({ reason, text, figures }: GenerationEnd, index: number): ChoicePart {
    if (reason === "aborted") throw new Error("the generation was aborted, but nobody had asked for that");
    this.#completionTokens += figures.newTokens;
    this.#iterations += figures.iterations;
    this.setting.metrics.generated(figures);
    return { index, text, tokens: [], finishReason: reason };
  }

  #usage(): Usage {
    const { promptTokens } = this.request;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: promptTokens + this.#completionTokens,
      iterations: this.#iterations,
    };
  }
}

function partOf(delta: TokenDelta, index: number): ChoicePart {
  return { index, text: delta.text, tokens: [delta], finishReason: null };
}

const hasLogProbability = ({ logProbability }: TokenDelta) => logProbability !== undefined;
