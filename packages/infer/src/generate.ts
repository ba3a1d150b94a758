/** Generation, token by token, with exact steps: the prompt in one chunk, then one position at a time by a recorded plan. */
import {
  type DecodeCaches,
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
import { checkSampling, type SamplingOptions, sampleToken } from "./sampling.js";

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
 * continuation do not fit the model's context, `contradiction` and `invalid-argument` for options
 */
export async function* generate(
  model: DecoderModel,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, void, void> {
  const { maxNewTokens, seed = 0, stopTokens = [], iterations = 1, streamOff = false, signal } = options;
  checkRequest(model, prompt, options);
  const forwardOptions = { iterations, streamOff };
  const random = new Random(seed);
  const weights = model.weights();
  const kv = new KvCache(model.config, 1, prompt.length + maxNewTokens);
  const states = new LatentStateCache(model.config, 1);
  // Records nothing where there is no second token.
  const step = new DecodeStep(weights, { kv, states }, forwardOptions);
  try {
    const promptOptions = { ...forwardOptions, iterations: options.promptIterations ?? iterations };
    let read = () => readPrompt(weights, prompt, { kv, states }, promptOptions, forwardOptions);
    for (let count = 0; count < maxNewTokens; count++) {
      signal?.throwIfAborted();
      const token = await chooseToken(read(), options, random);
      if (stopTokens.includes(token)) return;
      yield token;
      read = () => readToken(step, token, model.config);
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
  checkSampling(options);
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

type PassOptions = Pick<GenerateOptions, "iterations" | "streamOff">;

/** Logits after the prompt, `[1, 1, vocabSize]`: in one pass where its last position is read as the others are, else in two. */
function readPrompt(
  weights: ModelWeights,
  prompt: readonly number[],
  caches: DecodeCaches,
  options: PassOptions,
  lastOptions: PassOptions,
): Tensor {
  if (options.iterations === lastOptions.iterations || prompt.length === 1) {
    return readChunk(weights, prompt, caches, lastOptions);
  }
  readChunk(weights, prompt.slice(0, -1), caches, options).dispose();
  return readChunk(weights, prompt.slice(-1), caches, lastOptions);
}

function readChunk(
  weights: ModelWeights,
  chunk: readonly number[],
  caches: DecodeCaches,
  options: PassOptions,
): Tensor {
  const tokens = tokenTensor([chunk], weights.config);
  try {
    return forward(weights, tokens, { ...options, caches, lastPositionOnly: true });
  } finally {
    tokens.dispose();
  }
}

/** Logits after one more token, `[1, 1, vocabSize]`. */
function readToken(step: DecodeStep, token: number, config: ModelConfig): Tensor {
  const tokens = tokenTensor([[token]], config);
  try {
    return step.run(tokens);
  } finally {
    tokens.dispose();
  }
}

/** Uses the logits up. */
async function chooseToken(logits: Tensor, options: SamplingOptions, random: Random): Promise<number> {
  if ((options.temperature ?? 0) > 0) return sampleToken((await take(logits)) as Float32Array, options, random);
  const [token] = await likeliestOf(logits);
  return token as number;
}
