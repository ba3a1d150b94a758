/** Small decoders for state tracking, by the prototype's recipe: what the experiments and examples share. */
import type { ModelConfig, StateStreamConfig } from "./config.js";
import type { InitializationOptions } from "./initialize.js";

export interface SmallDecoderOptions {
  /** A multiple of 8: there are four heads of even size. */
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Defaults to 2. */
  readonly numHiddenLayers?: number;
  /** Left out for a plain transformer. */
  readonly stateStream?: StateStreamConfig;
}

/** Four heads on two key/value heads, a feed-forward network of twice the width, tied embeddings. Ours. */
export function smallDecoder({
  hiddenSize,
  vocabSize,
  numHiddenLayers = 2,
  stateStream,
}: SmallDecoderOptions): ModelConfig {
  return {
    modelType: "llama",
    vocabSize,
    hiddenSize,
    intermediateSize: 2 * hiddenSize,
    numHiddenLayers,
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: hiddenSize / 4,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 512,
    ...(stateStream && { stateStream }),
  };
}

/** The bounds of alpha that the paper trains with. */
export const paperAlpha: StateStreamConfig = { alphaMin: 0.015, alphaMax: 0.1 };

/**
 * Where theta starts in a pretrained model: low in alpha's range, about where it settles there, so that a new stream disturbs
 * the backbone little at first. Ours.
 */
export const pretrainedTheta = -2;

/**
 * A start from which a blend of at most 0.10 learns to carry a computation: `alpha · |s|` is comparable with
 * `(1 - alpha) · |a|` when embeddings and attention outputs are small. Theta starts at alpha = 0.09. Ours.
 */
export const smallAlphaInitialization = {
  embeddingDeviation: 0.02,
  attentionOutputScale: 0.1,
  theta: 2,
} as const satisfies InitializationOptions;
