/** One seed of the experiment, as a worker process is told of it. */

/** How the generated problems are learned. See docs/experiments/cotrain.md for how these were found. */
export interface GeneratedSettings {
  readonly stories: readonly string[];
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
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

export const defaultSettings: GeneratedSettings = {
  stories: ["boxes"],
  hiddenSize: 64,
  numHiddenLayers: 2,
  pretraining: { steps: 300, learningRate: 2e-3, sentences: 4 },
  coTraining: { steps: 800, learningRate: 4e-3, rank: 8, sentences: 8 },
  batchSize: 64,
  questions: 500,
};
