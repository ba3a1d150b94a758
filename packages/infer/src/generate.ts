/** Generation, token by token, with exact steps: the prompt in one chunk, then one position at a time. */
import {
  type DecoderModel,
  forward,
  KvCache,
  LatentStateCache,
  type ModelWeights,
  planForward,
  requireKnownTokens,
  tokenTensor,
} from "@sst/layers";
import { Random, SstError } from "@sst/tensor";
import { checkSampling, type SamplingOptions, sampleToken } from "./sampling.js";

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Seeds the draws; defaults to 0. */
  readonly seed?: number;
  /** Tokens that end the generation; they are not given out. */
  readonly stopTokens?: readonly number[];
  /** Iterations at every position (deliberation); defaults to 1. */
  readonly iterations?: number;
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
  try {
    let chunk = prompt;
    for (let count = 0; count < maxNewTokens; count++) {
      signal?.throwIfAborted();
      const logits = await lastLogits(weights, chunk, { ...forwardOptions, caches: { kv, states } });
      const token = sampleToken(logits, options, random);
      if (stopTokens.includes(token)) return;
      yield token;
      chunk = [token];
    }
  } finally {
    kv.dispose();
    states.dispose();
    weights.dispose();
  }
}

function checkRequest(model: DecoderModel, prompt: readonly number[], options: GenerateOptions): void {
  const { config } = model;
  checkSampling(options);
  planForward(config, options);
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

async function lastLogits(
  weights: ModelWeights,
  tokens: readonly number[],
  options: Parameters<typeof forward>[2],
): Promise<Float32Array> {
  const input = tokenTensor([tokens], weights.config);
  const logits = forward(weights, input, { ...options, lastPositionOnly: true });
  const values = (await logits.data()) as Float32Array;
  input.dispose();
  logits.dispose();
  return values;
}
