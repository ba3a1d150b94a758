/**
 * The backbones in small, each with what it has beside a plain decoder, and what is left of the model when one of these is
 * taken away.
 */
import { backboneShapes, type LayerType, type LinearName, type ModelConfig, type ModelData } from "@sst/layers";

export interface BackboneCase {
  readonly config: ModelConfig;
  /** By name: configs that lack one feature. */
  readonly without: Readonly<Record<string, Partial<ModelConfig>>>;
}

const common = {
  vocabSize: 320,
  hiddenSize: 64,
  intermediateSize: 96,
  numHiddenLayers: 3,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  maxPositionEmbeddings: 512,
} as const;

const llama: ModelConfig = { modelType: "llama", ...common };

const gemma: ModelConfig = {
  modelType: "gemma3_text",
  ...common,
  numHiddenLayers: 6,
  headDim: 24,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  hiddenActivation: "gelu_pytorch_tanh",
  queryKeyNorm: true,
  unitOffsetNorm: true,
  outputNorms: true,
  embeddingScale: 8,
  queryPreAttnScalar: 24,
  slidingWindow: 12,
  layerTypes: gemmaLayers(6),
  ropeTheta: 1_000_000,
  ropeLocalBaseFreq: 10_000,
  ropeScaling: { ropeType: "linear", factor: 8 },
};

/** Of llama.cpp's own choosing: five layers that slide, then one that sees everything. */
function gemmaLayers(count: number): LayerType[] {
  return Array.from({ length: count }, (_, layer) => ((layer + 1) % 6 === 0 ? "full_attention" : "sliding_attention"));
}

const allLinear: readonly LinearName[] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/** Optional fields cannot be `undefined`, but for a config that lacks them they have to be. */
const no = undefined as never;

export const backboneCases: Readonly<Record<string, BackboneCase>> = {
  "Llama 2": {
    config: { ...llama, numKeyValueHeads: 4 },
    without: { "its rotary base": { ropeTheta: 20_000 }, "the epsilon of its norms": { rmsNormEps: 0.1 } },
  },
  "Llama 3, long context": {
    config: {
      ...llama,
      ropeTheta: 500_000,
      ropeScaling: {
        ropeType: "llama3",
        factor: 8,
        lowFreqFactor: 1,
        highFreqFactor: 4,
        originalMaxPositionEmbeddings: 1024,
      },
    },
    without: {
      "rope scaling": { ropeScaling: no },
      "Llama 3's way of it": { ropeScaling: { ropeType: "linear", factor: 8 } },
    },
  },
  "Llama, scaled linearly": {
    config: { ...llama, ropeScaling: { ropeType: "linear", factor: 4 } },
    without: { "rope scaling": { ropeScaling: no } },
  },
  "Llama, tied, with biases": {
    config: { ...llama, tieWordEmbeddings: true, biasedLayers: allLinear },
    without: Object.fromEntries(
      allLinear.map((lacking) => [
        `the biases of ${lacking}`,
        { biasedLayers: allLinear.filter((layer) => layer !== lacking) },
      ]),
    ),
  },
  "Mistral without its window": {
    config: { ...llama, modelType: "mistral", ropeTheta: 1_000_000 },
    without: { "its rotary base": { ropeTheta: 10_000 } },
  },
  "Qwen 2": {
    config: {
      ...llama,
      modelType: "qwen2",
      rmsNormEps: 1e-6,
      ropeTheta: 1_000_000,
      tieWordEmbeddings: true,
      biasedLayers: ["q_proj", "k_proj", "v_proj"],
    },
    without: {
      "the biases of queries": { biasedLayers: ["k_proj", "v_proj"] },
      "the biases of keys": { biasedLayers: ["q_proj", "v_proj"] },
      "the biases of values": { biasedLayers: ["q_proj", "k_proj"] },
      "its rotary base": { ropeTheta: 10_000 },
    },
  },
  "Qwen 3": {
    config: { ...llama, modelType: "qwen3", rmsNormEps: 1e-6, ropeTheta: 1_000_000, headDim: 24, queryKeyNorm: true },
    without: { "norms of queries and keys": { queryKeyNorm: no }, "its rotary base": { ropeTheta: 10_000 } },
  },
  "Gemma 3": {
    config: gemma,
    without: {
      "GELU in the gate": { hiddenActivation: "silu" },
      "norms of queries and keys": { queryKeyNorm: no },
      "the 1 in its norms": { unitOffsetNorm: no },
      "norms of outputs": { outputNorms: no },
      "the scale of embeddings": { embeddingScale: no },
      "the scale of scores": { queryPreAttnScalar: 16 },
      "its window": { slidingWindow: no, layerTypes: no },
      "one position of its window": { slidingWindow: 11 },
      "the layer that sees everything": { layerTypes: gemmaLayers(5).concat("sliding_attention") },
      "the rotary base of sliding layers": { ropeLocalBaseFreq: no },
      "rope scaling": { ropeScaling: no },
    },
  },
  "Gemma 3 of 62 layers": {
    config: { ...gemma, numHiddenLayers: 62, layerTypes: gemmaLayers(62), queryPreAttnScalar: 16 },
    without: { "its own scale of scores": { queryPreAttnScalar: 24 } },
  },
};

/** The model with one feature taken away: what the other config has no parameters for is left out. */
export function lacking({ config, weights }: ModelData, changes: Partial<ModelConfig>): ModelData {
  const changed = Object.fromEntries(
    Object.entries({ ...config, ...changes }).filter(([, value]) => value !== undefined),
  );
  const other = changed as unknown as ModelConfig;
  const kept = Object.keys(backboneShapes(other)).map((name) => {
    // Without norms of outputs, the one before the feed-forward network has another name.
    const isMoved = config.outputNorms && !other.outputNorms;
    const source = isMoved ? name.replace("post_attention_layernorm", "pre_feedforward_layernorm") : name;
    return [name, weights[source]];
  });
  return { config: other, weights: Object.fromEntries(kept) };
}
