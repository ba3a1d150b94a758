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
  tokenTensor,
} from "@sst/layers";
import { Random, type Tensor } from "@sst/tensor";
import { capacityFor } from "./capacity.js";
import { likeliestOf, take } from "./likeliest.js";
import { type PromptedOptions, requireRequest } from "./request.js";
import { isPlainlyGreedy } from "./sampling/options.js";
import { Sampler } from "./sampling/sampler.js";

export interface GenerateOptions extends PromptedOptions {
  readonly maxNewTokens: number;
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
  requireRequest(model.config, prompt, options, maxNewTokens, 1);
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
