/** Completions by `generate` of `@sst/infer`: one model, the same number of iterations at every position. */
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { type GenerateOptions, generate, TextAssembler } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";
import { stopTokens } from "../stop-tokens.js";
import type { Abilities, Completer, CompletionRequest, GenerationEvent } from "./completer.js";

export interface GenerateCompleterOptions {
  readonly modelId: string;
  /** Iterations where the request says nothing; defaults to 1. */
  readonly iterations?: number;
  readonly streamOff?: boolean;
}

export class GenerateCompleter implements Completer {
  readonly modelId: string;
  readonly contextLength: number;
  readonly abilities: Abilities = { logProbabilities: false, policies: ["fixed"] };

  /** The model is the completer's from here on. */
  constructor(
    private readonly model: DecoderModel,
    private readonly tokenizer: Tokenizer,
    private readonly options: GenerateCompleterOptions,
  ) {
    this.modelId = options.modelId;
    this.contextLength = model.config.maxPositionEmbeddings;
  }

  async *complete(request: CompletionRequest): AsyncGenerator<GenerationEvent, void, void> {
    const startedAt = performance.now();
    const { prompt, maxNewTokens, signal, stop } = request;
    const options = this.#generateOptions(request);
    const text = new TextAssembler(this.tokenizer.streamDecoder(prompt), stop);
    const { iterations = 1 } = options;
    let newTokens = 0;
    try {
      for await (const token of generate(this.model, prompt, options)) {
        yield { event: "token-delta", index: newTokens++, token, text: text.push(token), iterations };
        if (text.found !== undefined) break;
        // A step on the CPU does not wait for anything: without this no request would be heard until the last token.
        await turnOfTheLoop();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    const rest = text.end();
    const isShort = newTokens < maxNewTokens;
    yield {
      event: "generation-end",
      reason: text.found !== undefined ? "stop" : !isShort ? "length" : signal.aborted ? "aborted" : "stop",
      text: rest,
      figures: {
        promptTokens: prompt.length,
        newTokens,
        iterations: newTokens * iterations,
        durationMs: performance.now() - startedAt,
      },
    };
  }

  dispose(): void {
    this.model.dispose();
  }

  #generateOptions(request: CompletionRequest): GenerateOptions {
    const { prompt, stop, deliberation, topLogProbabilities, ...sampling } = request;
    const iterations = deliberation?.policy === "fixed" ? deliberation.iterations : this.options.iterations;
    return {
      ...sampling,
      stopTokens: stopTokens(this.model.config, this.tokenizer),
      ...(iterations === undefined ? {} : { iterations }),
      ...(this.options.streamOff ? { streamOff: true } : {}),
    };
  }
}
