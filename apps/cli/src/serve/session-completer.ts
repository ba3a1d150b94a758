/** Completions by sessions of `@sst/infer`: one model, a session for each, and whatever policy of deliberation is asked for. */
import { capacityFor, type GenerationFigures, Session, SessionBatch } from "@sst/infer";
import type { DecoderModel, Probe } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";
import { turnOfTheLoop } from "@sst/tensor";
import { type Deliberation, policyOf, promptIterations } from "../deliberation/deliberation.js";
import { deliberationOf } from "../deliberation/deliberation-text.js";
import { stopTokens } from "../stop-tokens.js";
import type { Abilities, ChoiceEvent, Completer, CompletionRequest, GenerationEvent } from "./completer.js";

/** Tokens of a prompt, after which others have their turn. */
const READ_AT_ONCE = 64;

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
  readonly #batch: SessionBatch;

  /** The model is the completer's from here on. */
  constructor(
    private readonly model: DecoderModel,
    private readonly tokenizer: Tokenizer,
    private readonly options: SessionCompleterOptions,
  ) {
    this.modelId = options.modelId;
    this.#batch = new SessionBatch(model, { streamOff: options.streamOff ?? false });
    this.contextLength = model.config.maxPositionEmbeddings;
    const policies: Abilities["policies"] = ["fixed", "until-converged", "until-decided"];
    this.abilities = { logProbabilities: true, policies: options.probe ? [...policies, "probe"] : policies };
  }

  async *complete(requests: readonly CompletionRequest[]): AsyncGenerator<ChoiceEvent, void, void> {
    let choice = 0;
    while (choice < requests.length) {
      const same = samePrompt(requests, choice);
      for await (const event of this.#continueFrom(same)) yield { ...event, choice: choice + event.choice };
      choice += same.length;
    }
  }

  dispose(): void {
    this.#batch.dispose();
    this.model.dispose();
  }

  /** @param requests of one prompt, which is read once */
  async *#continueFrom(requests: readonly CompletionRequest[]): AsyncGenerator<ChoiceEvent, void, void> {
    const first = requests[0] as CompletionRequest;
    const { prompt, signal } = first;
    const most = Math.max(...requests.map(({ maxNewTokens }) => maxNewTokens));
    const context = capacityFor(prompt.length + most, this.model.config);
    const reading = { chunk: READ_AT_ONCE };
    using session = new Session(this.model, { context, reading, streamOff: this.options.streamOff ?? false });
    try {
      await session.append(prompt, { iterations: promptIterations(this.#deliberationOf(first)), signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      yield { ...endOf("aborted", "", { newTokens: 0, iterations: 0, durationMs: 0 }, prompt.length), choice: 0 };
      return;
    }
    for (const [choice, request] of requests.entries()) {
      const isLast = choice === requests.length - 1;
      using fork = isLast ? undefined : session.fork();
      for await (const event of this.#generate(fork ?? session, request)) yield { ...event, choice };
      if (signal.aborted) return;
    }
  }

  async *#generate(session: Session, request: CompletionRequest): AsyncGenerator<GenerationEvent, void, void> {
    const startedAt = performance.now();
    const { deliberation: _, prompt, signal, stop, ...asked } = request;
    let [newTokens, iterations] = [0, 0];
    try {
      const events = session.generate({
        ...asked,
        signal,
        stopTexts: stop,
        stopTokens: stopTokens(this.model.config, this.tokenizer),
        decoder: this.tokenizer.streamDecoder(prompt),
        deliberation: policyOf(this.#deliberationOf(request), this.options.probe),
        batch: this.#batch,
      });
      for await (const event of events) {
        if (event.event === "generation-end") yield endOf(event.reason, event.text, event.figures, prompt.length);
        else if (event.event === "iteration-end") yield event;
        if (event.event !== "token-delta") continue;
        const { logProbability, ...delta } = event;
        yield request.topLogProbabilities === undefined ? delta : { ...delta, logProbability };
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

  #deliberationOf({ deliberation }: CompletionRequest): Deliberation {
    const { iterations } = this.options;
    return deliberationOf({ ...(iterations && { iterations }), ...(deliberation && { deliberation }) });
  }
}

/** The requests from one on that have its prompt. */
function samePrompt(requests: readonly CompletionRequest[], from: number): readonly CompletionRequest[] {
  const others = requests.slice(from);
  const end = others.findIndex(({ prompt }) => prompt !== others[0]?.prompt);
  return end < 0 ? others : others.slice(0, end);
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
