/** A small random model for tests, with everything that a real one has: grouped queries, a stream, an untied head. */
import { initializeModel, type ModelConfig, type ModelData } from "@sst/layers";
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
