/** Completions by sessions of `@sst/infer`: one model, a session for each, and whatever policy of deliberation is asked for. */
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import {
  type DeliberationPolicy,
  fixed,
  type GenerationFigures,
  probed,
  Session,
  untilConverged,
  untilDecided,
} from "@sst/infer";
import type { DecoderModel, Probe } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";
import { stopTokens } from "../stop-tokens.js";
import type { Abilities, Completer, CompletionRequest, Deliberation, GenerationEvent } from "./completer.js";

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
    const { deliberation, maxNewTokens, prompt, signal, stop, ...asked } = request;
    const context = capacityFor(prompt.length + maxNewTokens, this.contextLength);
    using session = new Session(this.model, { context, streamOff: this.options.streamOff ?? false });
    const policy = this.#policy(deliberation);
    let [newTokens, iterations] = [0, 0];
    try {
      // A fixed number is one for every position, as in `generate`; what looks on looks at what is generated.
      const promptIterations = deliberation === undefined || deliberation.policy === "fixed" ? policy.maximum : 1;
      await session.append(prompt, { iterations: promptIterations, signal });
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

  #policy(asked: Deliberation | undefined): DeliberationPolicy {
    if (asked === undefined) return fixed(this.options.iterations ?? 1);
    switch (asked.policy) {
      case "fixed":
        return fixed(asked.iterations);
      case "until-converged":
        return untilConverged(asked);
      case "until-decided":
        return untilDecided(asked);
      case "probe":
        return probed(this.options.probe as Probe, asked);
    }
  }
}

type Ending = "stop-token" | "stop-text" | "choice" | "length" | "aborted";

function endOf(
  reason: Ending,
  text: string,
  { newTokens, iterations, durationMs }: Pick<GenerationFigures, "newTokens" | "iterations" | "durationMs">,
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

/** In powers of two, so that requests of about one length have caches of one shape, and decode by one recorded plan. */
function capacityFor(positions: number, contextLength: number): number {
  return Math.min(contextLength, 2 ** Math.ceil(Math.log2(Math.max(positions, 64))));
}
