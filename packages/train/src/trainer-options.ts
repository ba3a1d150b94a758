/** What a trainer is made with, and what it decides where nothing is said. */
import type { Deliberation } from "./deliberation.js";
import type { TrainingForward } from "./solver-control.js";

export interface TrainerOptions {
  readonly steps: number;
  readonly learningRate: number;
  /** The rate of thetas, of the stream and of recirculation, as a multiple of the others'; defaults to 10. They have no weight decay. */
  readonly streamRateFactor?: number;
  /** Defaults to 0.01. Norms have none. */
  readonly weightDecay?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly warmupSteps?: number;
  /** What is left of the rate at the end; defaults to 0.05. */
  readonly finalFraction?: number;
  /** Largest norm of the whole gradient; defaults to 1. */
  readonly clipNorm?: number;
  /** Which parameters change; defaults to all. */
  readonly trainable?: (name: string) => boolean;
  /** How the model runs in training; defaults to the exact solver. `solver: "auto"` chooses one as training goes. */
  readonly forward?: TrainingForward;
  /** Iterations in training; without it each position has one. */
  readonly deliberation?: Deliberation;
}

export type TrainerSettings = ReturnType<typeof decided>;

/** The options that are figures, with everything decided. */
export function decided(options: TrainerOptions) {
  const { steps, learningRate, streamRateFactor = 10, weightDecay = 0.01, beta1 = 0.9, beta2 = 0.98 } = options;
  const { epsilon = 1e-8, warmupSteps = 50, finalFraction = 0.05, clipNorm = 1 } = options;
  const rates = { learningRate, streamRateFactor, weightDecay, beta1, beta2, epsilon, clipNorm };
  return { steps, warmupSteps, finalFraction, ...rates };
}

/** For a checkpoint: what a function of the step says cannot be told from it. */
export function namedDeliberation(deliberation: Deliberation | undefined): object {
  if (deliberation === undefined) return {};
  const { iterations } = deliberation;
  return { ...deliberation, iterations: typeof iterations === "number" ? iterations : "by step" };
}
