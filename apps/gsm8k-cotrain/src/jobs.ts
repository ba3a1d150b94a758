/** One seed of the experiment, as a worker process is told of it. */
import type { ForwardOptions, StateStreamConfig } from "@sst/layers";
import type { AskedAfter } from "@sst/loaders";

/** How the generated problems are learned. See docs/experiments/cotrain.md for how these were found. */
export interface GeneratedSettings {
  readonly stories: readonly string[];
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  /** Small embeddings and attention outputs, which a small alpha needs to carry anything, or the usual first weights. */
  readonly firstWeights: "small" | "usual";
  /** After what the answer is asked for in training; the evaluation asks at a problem's end. */
  readonly askedAfter: AskedAfter;
  readonly pretraining: {
    readonly steps: number;
    readonly learningRate: number;
    /** Most sentences of a problem. */
    readonly sentences: number;
  };
  readonly coTraining: {
    readonly steps: number;
    readonly learningRate: number;
    readonly rank: number;
    /** Most sentences of a problem; harder ones have up to twice as many. */
    readonly sentences: number;
    /** Problems of one sentence come first and have one more after so many steps; of full length from the start if left out. */
    readonly stepsPerSentence?: number;
    readonly stateStream: StateStreamConfig;
    /** Where theta starts. */
    readonly theta: number;
    /** Of the stream; the exact solver if left out. */
    readonly solver?: Pick<ForwardOptions, "solver" | "sweeps" | "sweepGradient">;
  };
  readonly batchSize: number;
  /** Per set and seed. */
  readonly questions: number;
}

export interface RealSettings {
  readonly model: string;
  readonly data: string;
  readonly steps: number;
  readonly learningRate: number;
  readonly rank: number;
  /** Rows of a batch, and tokens of a row. */
  readonly batchSize: number;
  readonly length: number;
  readonly questions: number;
  readonly maxNewTokens: number;
}

export type Job =
  | { readonly kind: "generated"; readonly seed: number; readonly settings: GeneratedSettings }
  | { readonly kind: "real"; readonly seed: number; readonly settings: RealSettings };

/** A wide range of alpha, started in its middle: what learns to carry a number over whole sentences. */
export const defaultSettings: GeneratedSettings = {
  stories: ["boxes"],
  hiddenSize: 64,
  numHiddenLayers: 2,
  firstWeights: "usual",
  askedAfter: "sentences",
  pretraining: { steps: 500, learningRate: 2e-3, sentences: 4 },
  coTraining: {
    ...{ steps: 800, learningRate: 4e-3, rank: 8, sentences: 6 },
    ...{ stateStream: { alphaMin: 0.015, alphaMax: 0.9 }, theta: 0 },
  },
  batchSize: 64,
  questions: 500,
};

/** As many as in co-training, half as many again, and twice as many. */
export function testedSentences({ coTraining: { sentences } }: GeneratedSettings): number[] {
  return [1, 1.5, 2].map((times) => Math.round(times * sentences));
}
