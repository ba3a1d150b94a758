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
    const parts: ChoicePart[][] = this.request.generations.map(() => []);
    for await (const { part } of this.#pieces()) parts[part.index]?.push(part);
    const choices = parts.map((own, index) => {
      const text = own.map((part) => part.text).join("");
      const tokens = own.flatMap((part) => part.tokens);
      const finishReason = own.at(-1)?.finishReason ?? null;
      return this.dialect.choice({ index, text, tokens, finishReason }, this.setting.tokenizer);
    });
    return { ...this.#head, object: this.dialect.object, choices, usage: this.#usage() };
  }

  /** @throws as `whole`; the stream has then begun or not, but not ended */
  async streamed(stream: EventStream): Promise<void> {
    const { dialect, request, setting } = this;
    const noUsage = request.includeUsage ? { usage: null } : {};
    const send = (choices: object[], more: object) =>
      stream.send({ ...this.#head, object: dialect.chunkObject, choices, ...more });
    for await (const { part, isFirst } of this.#pieces()) {
      const opening = isFirst ? dialect.opening(part.index) : undefined;
      if (opening !== undefined) await send([opening], noUsage);
      const isWorthSending = part.text !== "" || part.tokens.some(hasLogProbability) || part.finishReason !== null;
      if (isWorthSending) await send([dialect.chunk(part, setting.tokenizer)], noUsage);
    }
    if (request.includeUsage) await send([], { usage: this.#usage() });
    await stream.send("[DONE]");
    stream.end();
  }

  async *#pieces(): AsyncGenerator<Piece, void, void> {
    const { completer, metrics } = this.setting;
    const requests = this.request.generations.map((generation) => ({ ...generation, signal: this.signal }));
    let startedAt = performance.now();
    const begun = new Set<number>();
    for await (const event of completer.complete(requests)) {
      this.signal.throwIfAborted();
      if (event.event === "iteration-end") continue;
      const { choice } = event;
      if (event.event === "token-delta" && event.index === 0) metrics.firstToken(performance.now() - startedAt);
      const part = event.event === "token-delta" ? partOf(event, choice) : this.#endOf(event, choice);
      yield { part, isFirst: !begun.has(choice) };
      begun.add(choice);
      if (event.event === "generation-end") startedAt = performance.now();
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
