/** The tokens of a generation, one after the other. */
import { type DecoderModel, type ModelWeights, requireCount } from "@sst/layers";
import { Random, SstError } from "@sst/tensor";
import { fixed } from "../deliberation/fixed.js";
import type { DeliberationPolicy } from "../deliberation/policy.js";
import type { ChoicePlace, ChoiceTrie } from "../sampling/choice-trie.js";
import { topLogProbabilities } from "../sampling/log-probabilities.js";
import { checkSampling, type SamplingOptions } from "../sampling/options.js";
import { Sampler } from "../sampling/sampler.js";
import { TextAssembler, type TokenDecoder } from "../text/text-assembler.js";
import type { GenerationEnd, GenerationEvent, TokenDelta } from "./events.js";
import { OwnReader } from "./own-reader.js";
import type { Deliberated } from "./position-reader.js";
import type { SessionBatch } from "./session-batch.js";
import type { SessionCaches } from "./session-caches.js";

export interface SessionGeneration extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Seeds the draws; defaults to 0. */
  readonly seed?: number;
  /** Tokens that end the text; they are neither given out nor kept. Defaults to the model's own. */
  readonly stopTokens?: readonly number[];
  /** How long the model thinks at each position; defaults to one iteration. */
  readonly deliberation?: DeliberationPolicy;
  /** Turns tokens into text, such as a tokenizer's `streamDecoder(session.tokens)`. */
  readonly decoder?: TokenDecoder;
  /** Texts that end the generation; no part of them is given out. With a decoder. */
  readonly stopTexts?: readonly string[];
  /** One of these answers comes out, and no other text. */
  readonly choices?: ChoiceTrie;
  /** How many of the likeliest tokens are told beside each. */
  readonly topLogProbabilities?: number;
  readonly signal?: AbortSignal | undefined;
  /** Shares passes through the model with other sessions that generate in this batch; the text is the same, but for the rounding of products of more rows. */
  readonly batch?: SessionBatch | undefined;
}

/** Where a generation takes place. */
export interface GenerationPlace {
  readonly model: DecoderModel;
  readonly weights: ModelWeights;
  readonly caches: SessionCaches;
  /** All tokens of the session; generated ones are added. The last one is read when something follows it. */
  readonly tokens: number[];
  readonly streamOff: boolean;
  /** What the last token gave, where it was read and no token was taken of it: the text had ended. */
  read: Deliberated | undefined;
}

/** @throws SstError at once for options that cannot be; later what policy and sampler throw */
export function generateIn(
  place: GenerationPlace,
  options: SessionGeneration,
): AsyncGenerator<GenerationEvent, void, void> {
  const { config } = place.weights;
  const { deliberation = fixed(1), decoder, maxNewTokens, stopTexts = [] } = options;
  checkSampling(options, config.vocabSize);
  requireCount("maxNewTokens", maxNewTokens);
  if (stopTexts.length > 0 && decoder === undefined) {
    throw new SstError("contradiction", "stop texts are found in a text: give a decoder with them");
  }
  if (deliberation.maximum > 1 && (config.stateStream === undefined || place.streamOff)) {
    throw new SstError(
      "contradiction",
      "iterations carry the state stream on: they need a model with one, switched on",
    );
  }
  options.batch?.requireFit(place.model, place.streamOff);
  return generateTokens(place, { ...options, deliberation, stopTexts });
}

type Decided = SessionGeneration & { readonly deliberation: DeliberationPolicy; readonly stopTexts: readonly string[] };

async function* generateTokens(place: GenerationPlace, options: Decided): AsyncGenerator<GenerationEvent, void, void> {
  const { weights, caches, tokens, streamOff } = place;
  const { decoder, deliberation: policy, maxNewTokens, signal } = options;
  const stopTokens = options.stopTokens ?? [weights.config.eosTokenId ?? []].flat();
  const sampler = new Sampler(options, { prompt: tokens, random: new Random(options.seed ?? 0) });
  const text = new TextAssembler(decoder ?? silent, options.stopTexts);
  const deliberation = policy.start();
  const clock = new Clock();
  const promptTokens = tokens.length;
  let choice: ChoicePlace | undefined = options.choices?.start;
  let [newTokens, iterations] = [0, 0];
  using reader =
    options.batch?.reader(place.model, caches, { streamOff, signal }) ?? new OwnReader(weights, caches, streamOff);
  const end = (reason: GenerationEnd["reason"]): GenerationEnd => ({
    event: "generation-end",
    reason,
    text: text.end(),
    ...(choice?.answer !== undefined && { choice: choice.answer }),
    figures: { promptTokens, newTokens, iterations, flops: reader.flops, ...clock.read() },
  });
  while (newTokens < maxNewTokens) {
    signal?.throwIfAborted();
    if (caches.isDisposed) throw new SstError("disposed", "the session was disposed of while it generated");
    const last = tokens.at(-1) as number;
    place.read ??= yield* reader.read(last, deliberation, policy.maximum, newTokens === 0);
    const { read } = place;
    iterations += read.iterations;
    const { token, logProbability } = sampler.next(read.logits, choice?.allowed);
    clock.noteFirst();
    if (stopTokens.includes(token)) {
      yield end(choice?.answer === undefined ? "stop-token" : "choice");
      return;
    }
    tokens.push(token);
    place.read = undefined;
    choice = choice?.after(token);
    const piece = text.push(token);
    const delta: TokenDelta = {
      event: "token-delta",
      index: newTokens++,
      token,
      text: piece,
      logProbability,
      ...(options.topLogProbabilities !== undefined && {
        topLogProbabilities: topLogProbabilities(read.logits, options.topLogProbabilities),
      }),
      iterations: read.iterations,
    };
    yield delta;
    if (text.found !== undefined) {
      yield end("stop-text");
      return;
    }
    if (choice?.allowed.length === 0) {
      yield end("choice");
      return;
    }
  }
  yield end("length");
}

const silent: TokenDecoder = { push: () => "", end: () => "" };

class Clock {
  readonly #startedAt = performance.now();
  #firstAt: number | undefined;

  noteFirst(): void {
    this.#firstAt ??= performance.now();
  }

  read(): { readonly durationMs: number; readonly firstTokenMs: number } {
    const now = performance.now();
    return { durationMs: now - this.#startedAt, firstTokenMs: (this.#firstAt ?? now) - this.#startedAt };
  }
}
