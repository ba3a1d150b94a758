/** What a probe learns from: the states at the first generated position, and whether the answer survived more iterations. */
import { forward, KvCache, LatentStateCache, type ModelWeights, tokenTensor } from "@sst/layers";
import { SstError, softmax, type Tensor } from "@sst/tensor";
import type { Benchmark } from "../benchmark.js";
import type { Evaluation } from "../evaluate.js";
import type { Subject } from "../subject.js";

export interface ProbeSample {
  /** The latent states of all layers after one iteration at the prompt's last position, one after the other. */
  readonly states: Float32Array;
  /** Of the likeliest next token there. */
  readonly maximumProbability: number;
  readonly promptTokens: readonly number[];
  /** The answer, right at depth 1, was right at every other depth of the evaluation. */
  readonly survived: boolean;
}

/**
 * One sample for each question that the model answers right at depth 1.
 *
 * @param evaluation of the same benchmark, at depth 1 and others
 * @throws SstError `contradiction` for an evaluation without such depths, or a model without a stream
 */
export async function probeSamples(
  subject: Subject,
  benchmark: Benchmark,
  { depths }: Evaluation,
): Promise<ProbeSample[]> {
  const first = depths.find(({ name }) => name === "depth 1");
  const deeper = depths.filter((row) => row !== first);
  if (first === undefined || deeper.length === 0 || subject.model.config.stateStream === undefined) {
    throw new SstError("contradiction", "a probe needs a model with a stream, evaluated at depth 1 and at others");
  }
  const weights = subject.model.weights();
  const samples: ProbeSample[] = [];
  try {
    for (const [index, isRight] of first.verdicts.entries()) {
      if (!isRight) continue;
      const prompt = benchmark.questions[index]?.prompt as string;
      const promptTokens = subject.codec.encode(prompt);
      const read = await readStates(weights, promptTokens);
      samples.push({ ...read, promptTokens, survived: deeper.every(({ verdicts }) => verdicts[index]) });
    }
  } finally {
    weights.dispose();
  }
  return samples;
}

async function readStates(
  weights: ModelWeights,
  prompt: readonly number[],
): Promise<Pick<ProbeSample, "states" | "maximumProbability">> {
  const { config } = weights;
  using kv = new KvCache(config, 1, prompt.length);
  using states = new LatentStateCache(config, 1);
  const tokens = tokenTensor([prompt], config);
  const logits = forward(weights, tokens, { caches: { kv, states }, lastPositionOnly: true });
  const probabilities = softmax(logits) as Tensor;
  try {
    const all = new Float32Array(config.numHiddenLayers * config.hiddenSize);
    for (let layer = 0; layer < config.numHiddenLayers; layer++) {
      all.set((await states.state(layer).data()) as Float32Array, layer * config.hiddenSize);
    }
    const values = (await probabilities.data()) as Float32Array;
    return { states: all, maximumProbability: values.reduce((best, value) => Math.max(best, value), 0) };
  } finally {
    for (const each of [tokens, logits, probabilities]) each.dispose();
  }
}
