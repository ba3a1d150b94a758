/** One point of a growth curve, and what theory says that it costs. */
import { backboneShapes, type ModelConfig, paperAlpha } from "@sst/layers";

/** What is done: an optimiser step, a forward pass, or one more token behind a context. */
export type Work = "training" | "forward" | "decoding";

export interface GrowthPoint {
  readonly work: Work;
  readonly width: number;
  readonly layers: number;
  readonly batch: number;
  /** Positions; of the context where a token is decoded. */
  readonly time: number;
  readonly iterations: number;
  /** The state stream with its exact solver, or the plain transformer. */
  readonly stream: boolean;
}

/** Tokens that are decoded behind a context. */
export const DECODED_TOKENS = 16;

export function growthConfig({ width, layers, time, stream }: GrowthPoint): ModelConfig {
  return {
    modelType: "llama",
    vocabSize: 256,
    hiddenSize: width,
    intermediateSize: 2 * width,
    numHiddenLayers: layers,
    numAttentionHeads: 4,
    numKeyValueHeads: 4,
    headDim: width / 4,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: true,
    maxPositionEmbeddings: time + 1 + DECODED_TOKENS,
    ...(stream && { stateStream: paperAlpha }),
  };
}

/** Floating-point operations by the formulas: two for each weight and column, attention over what precedes, three passes to train. */
export function operationsInTheory(point: GrowthPoint): number {
  const { work, width, layers, batch, time, iterations } = point;
  const columns = work === "decoding" ? iterations : time * iterations;
  const pairs = work === "decoding" ? time * iterations : (iterations * time * (time + 1)) / 2;
  const forward = 2 * columns * parameterCount(point) + 4 * width * pairs * layers;
  return batch * forward * (work === "training" ? 3 : 1);
}

/**
 * Bytes by the formulas: the parameters (to train, also their gradients, two moments and a snapshot), what the backward
 * pass needs of every column (nothing that is as large as time · time), caches.
 */
export function bytesInTheory(point: GrowthPoint): number {
  const { work, width, layers, batch, time, iterations } = point;
  const { vocabSize, intermediateSize } = growthConfig(point);
  const caches = 2 * layers * width * batch * time;
  if (work === "decoding") return 4 * (parameterCount(point) + caches);
  const columns = batch * time * iterations;
  const ofALayer = 9 * width + 3 * intermediateSize;
  if (work === "forward") return 4 * (parameterCount(point) + columns * (ofALayer + vocabSize));
  return 4 * (5 * parameterCount(point) + columns * (layers * ofALayer + 2 * vocabSize));
}

function parameterCount(point: GrowthPoint): number {
  return Object.values(backboneShapes(growthConfig(point))).reduce(
    (sum, shape) => sum + shape.reduce((left, right) => left * right, 1),
    0,
  );
}
