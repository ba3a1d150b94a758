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
import { argMax, Random, sum, type Tensor } from "@sst/tensor";
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
  const choose = isPlainlyGreedy(options) ? chooseOnDevice : chooseHere;
  const weights = model.weights();
  const kv = new KvCache(model.config, 1, capacityFor(prompt.length + maxNewTokens, model.config));
  const states = new LatentStateCache(model.config, 1);
  // Records nothing where there is no second token.
  const step = new DecodeStep(weights, { kv, states }, forwardOptions);
  try {
    const promptIterations = options.promptIterations ?? iterations;
    let read = () => readPrompt(weights, prompt, { kv, states }, forwardOptions, promptIterations);
    for (let count = 0; count < maxNewTokens; count++) {
      signal?.throwIfAborted();
      const token = await choose(read(), sampler);
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

/** The token after logits `[1, 1, vocabSize]`, which are used up. */
async function chooseHere(logits: Tensor, sampler: Sampler): Promise<number> {
  return sampler.next((await take(logits)) as Float32Array).token;
}

/**
 * The same where the likeliest is wanted: two numbers come back instead of all logits. A logit that is not finite leaves a sum that is
 * not; then the logits are looked at one by one, to name it.
 */
async function chooseOnDevice(logits: Tensor, sampler: Sampler): Promise<number> {
  try {
    const likeliest = take(argMax(logits, -1) as Tensor);
    const [[token], [total]] = await Promise.all([likeliest, take(sum(logits, -1) as Tensor)]);
    if (!Number.isFinite(total)) return sampler.next((await logits.data()) as Float32Array).token;
    sampler.accept(token as number);
    return token as number;
  } finally {
    logits.dispose();
  }
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
