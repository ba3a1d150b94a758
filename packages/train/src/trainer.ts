/**
 * The training loop: loss and gradients, clipping, AdamW under a schedule. Nothing is written for a number that is not
 * finite: training stops, says which tensor it was, and the model goes back to its last good state.
 */
import type { DecoderModel, ForwardOptions } from "@sst/layers";
import { keep, mul, SstError, type Tensor } from "@sst/tensor";
import { AdamW } from "./adamw.js";
import type { Batch } from "./batch.js";
import { firstNotFinite, squaredNorms } from "./finiteness.js";
import { lossAndGradients } from "./gradients.js";
import { type Schedule, warmupCosine } from "./schedule.js";

export interface TrainerOptions {
  readonly steps: number;
  readonly learningRate: number;
  /** Theta's rate as a multiple of the others'; defaults to 10. Theta has no weight decay. */
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
  /** How the model runs in training; defaults to the exact solver. */
  readonly forward?: ForwardOptions;
}

export interface StepReport {
  /** Counted from 1. */
  readonly step: number;
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly durationMs: number;
}

/** Steps between the copies that a run falls back to. */
const SNAPSHOT_STEPS = 10;

export class Trainer implements Disposable {
  readonly #optimizer: AdamW;
  readonly #schedule: Schedule;
  readonly #names: string[];
  #step = 0;
  /** Empty until the first update: before it there is nothing to go back from. */
  #good: { step: number; tensors: Record<string, Tensor> } = { step: 0, tensors: {} };

  constructor(
    readonly model: DecoderModel,
    readonly options: TrainerOptions,
  ) {
    const { beta1 = 0.9, beta2 = 0.98, epsilon = 1e-8, warmupSteps = 50, finalFraction = 0.05 } = options;
    this.#optimizer = new AdamW({ beta1, beta2, epsilon });
    this.#schedule = warmupCosine({ steps: options.steps, warmupSteps, finalFraction });
    this.#names = model.parameterNames.filter(options.trainable ?? (() => true));
    if (this.#names.length === 0) throw new SstError("invalid-argument", "no parameter of the model is to be trained");
  }

  /**
   * One optimiser step on one or several batches (accumulated).
   *
   * @throws SstError `not-finite`, naming the step and the first tensor; the model is back in its last good state then
   */
  async step(batches: readonly Batch[]): Promise<StepReport> {
    const started = performance.now();
    const { loss: lossTensor, gradients } = lossAndGradients(this.model, batches, this.#names, this.options.forward);
    try {
      const loss = ((await lossTensor.data()) as Float32Array)[0] as number;
      const squares = await squaredNorms(gradients);
      await this.#requireFinite(loss, squares);
      if (this.#step % SNAPSHOT_STEPS === 0) this.#takeSnapshot();
      const gradientNorm = Math.sqrt(Object.values(squares).reduce((total, square) => total + square, 0));
      const clipNorm = this.options.clipNorm ?? 1;
      const learningRate = this.options.learningRate * this.#schedule(this.#step);
      this.#optimizer.update(this.model, gradients, Math.min(1, clipNorm / gradientNorm), (name) => ({
        learningRate: learningRate * (isTheta(name) ? (this.options.streamRateFactor ?? 10) : 1),
        weightDecay: isTheta(name) || isNorm(name) ? 0 : (this.options.weightDecay ?? 0.01),
      }));
      this.#step++;
      return { step: this.#step, loss, gradientNorm, learningRate, durationMs: performance.now() - started };
    } finally {
      lossTensor.dispose();
      for (const gradient of Object.values(gradients)) gradient.dispose();
    }
  }

  /**
   * Runs all steps.
   *
   * @param nextBatches batches of one step, by step number from 0
   * @param onStep is told of every step
   */
  async run(
    nextBatches: (step: number) => readonly Batch[],
    onStep: (report: StepReport) => void = () => {},
    signal?: AbortSignal,
  ): Promise<void> {
    while (this.#step < this.options.steps) {
      signal?.throwIfAborted();
      onStep(await this.step(nextBatches(this.#step)));
    }
  }

  dispose(): void {
    this.#optimizer.dispose();
    for (const copy of Object.values(this.#good.tensors)) copy.dispose();
    this.#good = { step: this.#good.step, tensors: {} };
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #requireFinite(loss: number, squares: Record<string, number>): Promise<void> {
    const gradient = firstNotFinite(squares);
    if (Number.isFinite(loss) && gradient === undefined) return;
    const parameters = Object.fromEntries(this.#names.map((name) => [name, this.model.tensor(name)]));
    const parameter = firstNotFinite(await squaredNorms(parameters));
    const culprit = parameter ? `parameter "${parameter}"` : gradient && `the gradient of "${gradient}"`;
    this.#restoreSnapshot();
    throw new SstError(
      "not-finite",
      `training stopped at step ${this.#step + 1}: the loss is ${loss} and ${culprit ?? "no gradient"} is not finite; ` +
        `the model is back as it was after step ${this.#good.step}. A lower learning rate or more warm-up usually helps`,
    );
  }

  #takeSnapshot(): void {
    for (const copy of Object.values(this.#good.tensors)) copy.dispose();
    this.#good = { step: this.#step, tensors: this.#copyParameters() };
  }

  #restoreSnapshot(): void {
    for (const [name, copy] of Object.entries(this.#good.tensors))
      this.model.replace(name, keep(mul(copy, 1) as Tensor));
  }

  /** Real copies: the optimiser may write in place, and a clone would share its memory. */
  #copyParameters(): Record<string, Tensor> {
    return Object.fromEntries(this.#names.map((name) => [name, keep(mul(this.model.tensor(name), 1) as Tensor)]));
  }
}

function isTheta(name: string): boolean {
  return name.endsWith("state_stream.theta");
}

function isNorm(name: string): boolean {
  return name.endsWith("norm.weight");
}
