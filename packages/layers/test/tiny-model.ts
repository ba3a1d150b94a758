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

/** The same model with norms and biases that are all different, so that each of them is felt. */
export function withUnevenVectors(data: ModelData, seed = 0): ModelData {
  const weights = Object.entries(data.weights).map(([name, { shape, data: values }]) => {
    if (shape.length > 1 || name.endsWith("theta")) return [name, { shape, data: values }];
    const noise = new Random(seed).fork(name).normals(values.length, 0.5);
    return [name, { shape, data: values.map((value, i) => value + (noise[i] as number)) }];
  });
  return { ...data, weights: Object.fromEntries(weights) };
}

const slides = "sliding_attention";

/** What each backbone has beside Llama, on the small model. */
export const tinyBackbones: Readonly<Record<string, Partial<ModelConfig>>> = {
  "Llama 3, long context": {
    ropeTheta: 500,
    ropeScaling: {
      ropeType: "llama3",
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 30,
    },
  },
  "Llama with biases everywhere": {
    biasedLayers: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
  },
  Mistral: { modelType: "mistral", slidingWindow: 3, layerTypes: [slides, slides] },
  "Qwen 2": { modelType: "qwen2", biasedLayers: ["q_proj", "k_proj", "v_proj"], tieWordEmbeddings: true },
  "Qwen 3, half of it sliding": {
    modelType: "qwen3",
    queryKeyNorm: true,
    slidingWindow: 2,
    layerTypes: ["full_attention", slides],
  },
  "Gemma 3": {
    modelType: "gemma3_text",
    tieWordEmbeddings: true,
    hiddenActivation: "gelu_pytorch_tanh",
    queryKeyNorm: true,
    unitOffsetNorm: true,
    outputNorms: true,
    embeddingScale: 4,
    queryPreAttnScalar: 7,
    slidingWindow: 4,
    layerTypes: [slides, "full_attention"],
    ropeTheta: 1_000_000,
    ropeLocalBaseFreq: 100,
    ropeScaling: { ropeType: "linear", factor: 8 },
  },
};

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
