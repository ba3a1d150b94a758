/** Generation, token by token, with exact steps: the prompt in one chunk, then one position at a time by a recorded plan. */
import {
  type DecodeCaches,
  type DecodeOptions,
  type DecoderModel,
  DecodeStep,
  forward,
  KvCache,
  LatentStateCache,
  likeliestOf,
  type ModelConfig,
  type ModelWeights,
  tokenTensor,
} from "@sst/layers";
import { Random, type Tensor } from "@sst/tensor";
import { capacityFor } from "./capacity.js";
import { take } from "./likeliest.js";
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
 * continuation do not fit the model's context, `contradiction` and `invalid-argument` for options; later `not-finite` for a model
 * that breaks down, naming the token and its place, and `contradiction` where `logitBias` leaves no token
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
  const isGreedy = isPlainlyGreedy(options);
  const weights = model.weights();
  const kv = new KvCache(model.config, 1, capacityFor(prompt.length + maxNewTokens, model.config));
  const states = new LatentStateCache(model.config, 1);
  // Records nothing where there is no second token.
  const step = new DecodeStep(weights, { kv, states }, { ...forwardOptions, gives: isGreedy ? "likeliest" : "logits" });
  try {
    const promptIterations = options.promptIterations ?? iterations;
    signal?.throwIfAborted();
    const logits = readPrompt(weights, prompt, { kv, states }, forwardOptions, promptIterations);
    let next = isGreedy ? likeliestThen(logits, sampler) : drawn(logits, sampler);
    for (let count = 0; ; count++) {
      const token = await next;
      if (stopTokens.includes(token)) return;
      yield token;
      if (count + 1 === maxNewTokens) return;
      signal?.throwIfAborted();
      // A greedy step goes on from the token that it chose, which need not come back from here.
      const given = isGreedy && count > 0 ? step.run() : readToken(step, token, model.config);
      next = isGreedy ? likeliest(given, step.logits as Tensor, sampler) : drawn(given, sampler);
    }
  } finally {
    step.dispose();
    kv.dispose();
    states.dispose();
    weights.dispose();
  }
}

/** A token by logits `[1, 1, vocabSize]`, which are used up. */
async function drawn(logits: Tensor, sampler: Sampler): Promise<number> {
  return sampler.next((await take(logits)) as Float32Array).token;
}

/** The likeliest token by logits, which are used up. */
async function likeliestThen(logits: Tensor, sampler: Sampler): Promise<number> {
  try {
    return await likeliest(likeliestOf(logits), logits, sampler);
  } finally {
    logits.dispose();
  }
}

/** Two numbers come back instead of all logits, unless one of these is not finite: then they are looked at one by one, to name it. */
async function likeliest(found: Tensor, logits: Tensor, sampler: Sampler): Promise<number> {
  const [token, total] = (await take(found)) as Float32Array;
  if (!Number.isFinite(total)) return sampler.next((await logits.data()) as Float32Array).token;
  sampler.accept(token as number);
  return token as number;
}

/** Logits after the prompt: read in one pass, or in two where its last position iterates otherwise. */
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
  options: DecodeOptions,
): Tensor {
  const tokens = tokenTensor([chunk], weights.config);
  try {
    return forward(weights, tokens, { ...options, caches, lastPositionOnly: true });
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
