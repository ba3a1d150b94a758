/** Generation, token by token, with exact steps: the prompt in one chunk, then one position at a time by a recorded plan. */
import {
  type DecodeCaches,
  type DecodeOptions,
  type DecoderModel,
  DecodeStep,
  forward,
  KvCache,
  LatentStateCache,
  type ModelConfig,
  type ModelWeights,
  planForward,
  requireKnownTokens,
  tokenTensor,
} from "@sst/layers";
import { Random, SstError, type Tensor } from "@sst/tensor";
import { likeliestOf, take } from "./likeliest.js";
import { checkSampling, isPlainlyGreedy, type SamplingOptions } from "./sampling/options.js";
import { Sampler } from "./sampling/sampler.js";

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Seeds the draws; defaults to 0. */
  readonly seed?: number;
  /** Tokens that end the generation; they are not given out. */
  readonly stopTokens?: readonly number[];
  /** Iterations at every position (deliberation); defaults to 1. */
  readonly iterations?: number;
  /**
   * Iterations at the prompt's positions but the last, which is the first to give a token; defaults to `iterations`. With 1
   * the prompt is read once, and only what is generated is deliberated on.
   */
  readonly promptIterations?: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The continuation of a prompt, token by token.
 *
 * @throws SstError before the first token: `empty-prompt`, `unknown-token`, `context-overflow` where prompt and
 * continuation do not fit the model's context, `contradiction` and `invalid-argument` for options; with
 * sampling also `not-finite` for a model that breaks down, and `contradiction` where `logitBias` leaves no token
 */
export async function* generate(
  model: DecoderModel,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, void, void> {
  const { maxNewTokens, seed = 0, stopTokens = [], iterations = 1, streamOff = false, signal } = options;
  checkRequest(model, prompt, options);
  const forwardOptions = { iterations, streamOff };
  const sampler = new Sampler(options, { prompt, random: new Random(seed) });
  const weights = model.weights();
  const kv = new KvCache(model.config, 1, capacityFor(prompt.length + maxNewTokens, model.config));
  const states = new LatentStateCache(model.config, 1);
  // Records nothing where there is no second token.
  const gives = isPlainlyGreedy(options) ? "likeliest" : "logits";
  const step = new DecodeStep(weights, { kv, states }, { ...forwardOptions, gives });
  try {
    const promptIterations = options.promptIterations ?? iterations;
    let read = () => readPrompt(weights, prompt, { kv, states }, { ...forwardOptions, gives }, promptIterations);
    for (let count = 0; count < maxNewTokens; count++) {
      signal?.throwIfAborted();
      const values = await take(read());
      const token = gives === "logits" ? sampler.next(values as Float32Array).token : (values[0] as number);
      if (stopTokens.includes(token)) return;
      yield token;
      // A greedy step goes on from the token that it chose, which need not come back from here.
      const isKnown = gives === "likeliest" && count > 0;
      read = () => (isKnown ? step.run() : readToken(step, token, model.config));
    }
  } finally {
    step.dispose();
    kv.dispose();
    states.dispose();
    weights.dispose();
  }
}

function checkRequest(model: DecoderModel, prompt: readonly number[], options: GenerateOptions): void {
  const { config } = model;
  checkSampling(options, config.vocabSize);
  planForward(config, options);
  planForward(config, { ...options, iterations: options.promptIterations ?? options.iterations ?? 1 });
  if (!Number.isInteger(options.maxNewTokens) || options.maxNewTokens < 1) {
    throw new SstError(
      "invalid-argument",
      `maxNewTokens should be a whole number of at least 1, but is ${options.maxNewTokens}`,
    );
  }
  if (prompt.length === 0) throw new SstError("empty-prompt", "the prompt is empty: give at least one token");
  requireKnownTokens(prompt, config);
  const wanted = prompt.length + options.maxNewTokens;
  if (wanted > config.maxPositionEmbeddings) {
    throw new SstError(
      "context-overflow",
      `the prompt's ${prompt.length} tokens and ${options.maxNewTokens} new ones make ${wanted}, but the model's context ` +
        `is ${config.maxPositionEmbeddings}: shorten the prompt or ask for at most ` +
        `${Math.max(0, config.maxPositionEmbeddings - prompt.length)} new tokens`,
    );
  }
}

/**
 * Slots of the cache: in powers of two, so that generations of about one length have caches of one shape, and decode by one
 * recorded plan.
 */
function capacityFor(positions: number, { maxPositionEmbeddings }: ModelConfig): number {
  return Math.min(maxPositionEmbeddings, 2 ** Math.ceil(Math.log2(Math.max(positions, 64))));
}

/** What a decode step would give after the prompt: read in one pass, or in two where its last position iterates otherwise. */
function readPrompt(
  weights: ModelWeights,
  prompt: readonly number[],
  caches: DecodeCaches,
  options: DecodeOptions,
  promptIterations: number,
): Tensor {
  if (promptIterations === options.iterations || prompt.length === 1) {
    return readChunk(weights, prompt, caches, options);
  }
  readChunk(weights, prompt.slice(0, -1), caches, { ...options, iterations: promptIterations }).dispose();
  return readChunk(weights, prompt.slice(-1), caches, options);
}

function readChunk(
  weights: ModelWeights,
  chunk: readonly number[],
  caches: DecodeCaches,
  { gives, ...options }: DecodeOptions,
): Tensor {
  const tokens = tokenTensor([chunk], weights.config);
  try {
    const logits = forward(weights, tokens, { ...options, caches, lastPositionOnly: true });
    return gives === "logits" ? logits : likeliestOf(logits);
  } finally {
    tokens.dispose();
  }
}

function readToken(step: DecodeStep, token: number, config: ModelConfig): Tensor {
  const tokens = tokenTensor([[token]], config);
  try {
    return step.run(tokens);
  } finally {
    tokens.dispose();
  }
}
