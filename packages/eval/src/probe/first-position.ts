/** What a model has at the first position that it generates at, the last of a prompt: what a probe reads. */
import { forward, KvCache, LatentStateCache, type ModelWeights, tokenTensor } from "@sst/layers";
import { softmax, type Tensor } from "@sst/tensor";

export interface FirstPosition {
  /** The latent states of all layers after one iteration at the prompt's last position, one after the other. */
  readonly states: Float32Array;
  /** Of the likeliest next token there. */
  readonly maximumProbability: number;
}

export async function readFirstPosition(weights: ModelWeights, prompt: readonly number[]): Promise<FirstPosition> {
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
