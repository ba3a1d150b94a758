/** Completions by sessions of `@sst/infer`: one model, a session for each, and whatever policy of deliberation is asked for. */
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { capacityFor, type GenerationFigures, Session } from "@sst/infer";
import type { DecoderModel, Probe } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";
import { policyOf, promptIterations } from "../deliberation/deliberation.js";
import { stopTokens } from "../stop-tokens.js";
import type { Abilities, Completer, CompletionRequest, GenerationEvent } from "./completer.js";

export interface SessionCompleterOptions {
  readonly modelId: string;
  /** Iterations where the request says nothing; defaults to 1. */
  readonly iterations?: number;
  readonly streamOff?: boolean;
  /** The model's own, for the policy that goes by it. */
  readonly probe?: Probe | undefined;
}

export class SessionCompleter implements Completer {
  readonly modelId: string;
  readonly contextLength: number;
  readonly abilities: Abilities;

  /** The model is the completer's from here on. */
  constructor(
    private readonly model: DecoderModel,
    private readonly tokenizer: Tokenizer,
    private readonly options: SessionCompleterOptions,
  ) {
    this.modelId = options.modelId;
    this.contextLength = model.config.maxPositionEmbeddings;
    const policies: Abilities["policies"] = ["fixed", "until-converged", "until-decided"];
    this.abilities = { logProbabilities: true, policies: options.probe ? [...policies, "probe"] : policies };
  }

  async *complete(request: CompletionRequest): AsyncGenerator<GenerationEvent, void, void> {
    const startedAt = performance.now();
    const { maxNewTokens, prompt, signal, stop, ...asked } = request;
    const { iterations: otherwise = 1, probe } = this.options;
    const { deliberation = { policy: "fixed", iterations: otherwise } } = request;
    const context = capacityFor(prompt.length + maxNewTokens, this.model.config);
    using session = new Session(this.model, { context, streamOff: this.options.streamOff ?? false });
    const policy = policyOf(deliberation, probe);
    let [newTokens, iterations] = [0, 0];
    try {
      await session.append(prompt, { iterations: promptIterations(deliberation), signal });
      const events = session.generate({
        ...asked,
        maxNewTokens,
        signal,
        stopTexts: stop,
        stopTokens: stopTokens(this.model.config, this.tokenizer),
        decoder: this.tokenizer.streamDecoder(prompt),
        deliberation: policy,
      });
      for await (const event of events) {
        if (event.event === "generation-end") yield endOf(event.reason, event.text, event.figures, prompt.length);
        else yield event;
        if (event.event !== "token-delta") continue;
        newTokens++;
        iterations += event.iterations;
        // A step on the CPU does not wait for anything: without this no request would be heard until the last token.
        await turnOfTheLoop();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      const figures = { newTokens, iterations, durationMs: performance.now() - startedAt };
      yield endOf("aborted", "", figures, prompt.length);
    }
  }

  dispose(): void {
    this.model.dispose();
  }
}

type Ending = "stop-token" | "stop-text" | "choice" | "length" | "aborted";

function endOf(
  reason: Ending,
  text: string,
  { newTokens, iterations, durationMs }: Omit<GenerationFigures, "promptTokens" | "firstTokenMs">,
  promptTokens: number,
): GenerationEvent {
  const told = reason === "length" || reason === "aborted" ? reason : "stop";
  return {
    event: "generation-end",
    reason: told,
    text,
    figures: { promptTokens, newTokens, iterations, durationMs },
  };
}
