/** A small random model for tests, with everything that a real one has: grouped queries, a stream, an untied head. */
import {
  type DecoderModel,
  type ForwardOptions,
  forward,
  initializeModel,
  type ModelConfig,
  type ModelData,
  tokenTensor,
} from "@sst/layers";
import { Random } from "@sst/tensor";

export const tinyConfig: ModelConfig = {
  modelType: "llama",
  vocabSize: 11,
  hiddenSize: 16,
  intermediateSize: 24,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  maxPositionEmbeddings: 64,
  stateStream: { alphaMin: 0.1, alphaMax: 0.8 },
};

export function tinyModel(overrides: Partial<ModelConfig> = {}, seed = 0): ModelData {
  return initializeModel({ ...tinyConfig, ...overrides }, new Random(seed), { embeddingDeviation: 1 });
}

/** The same model without its stream: a plain backbone with the same weights. */
export function tinyBackbone(overrides: Partial<Omit<ModelConfig, "stateStream">> = {}): ModelData {
  const { stateStream, ...config } = tinyConfig;
  return initializeModel({ ...config, ...overrides }, new Random(0), { embeddingDeviation: 1 });
}

/** Logits of one forward pass in host memory, `[batch, time, vocabSize]` row-major. */
export async function logitsOf(
  model: DecoderModel,
  rows: readonly (readonly number[])[],
  options: ForwardOptions = {},
): Promise<Float32Array> {
  const weights = model.weights();
  const tokens = tokenTensor(rows, model.config);
  const logits = forward(weights, tokens, options);
  weights.dispose();
  tokens.dispose();
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}

/** Tokens of `batch` rows, drawn at random. */
export function tinyTokens(batch: number, time: number, vocabSize = tinyConfig.vocabSize): number[][] {
  const random = new Random(`tokens/${batch}/${time}`);
  return Array.from({ length: batch }, () => Array.from({ length: time }, () => random.integer(vocabSize)));
}

/** Largest difference, relative to the largest expected entry. */
export function relativeError(given: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let index = 0; index < expected.length; index++) {
    difference = Math.max(difference, Math.abs((given[index] as number) - (expected[index] as number)));
    size = Math.max(size, Math.abs(expected[index] as number));
  }
  return difference / size;
}
