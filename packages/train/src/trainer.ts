/**
 * The training loop: loss and gradients, clipping, AdamW under a schedule. Nothing is written for a number that is not
 * finite: training stops, says which tensor it was, and the model goes back to its last good state.
 */
import { type DecoderModel, type ForwardOptions, isStreamParameter } from "@sst/layers";
import { clone, concat, keep, reshape, SstError, type Tensor, tidy } from "@sst/tensor";
import { AdamW } from "./adamw.js";
import type { Batch } from "./batch.js";
import { type Deliberation, deliberatedBatch, deliberatedForward } from "./deliberation.js";
import { clippingScale, firstNotFinite, squaredNorms } from "./finiteness.js";
import { GradientPlans } from "./gradient-plans.js";
import type { LossAndGradients } from "./gradients.js";
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
  /** Iterations in training; without it each position has one. */
  readonly deliberation?: Deliberation;
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

/** The parameters after a number of steps. An update of a tensor that is kept here works on a copy. */
interface Snapshot {
  readonly step: number;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** Steps between the copies that a run falls back to. */
const SNAPSHOT_STEPS = 10;

export class Trainer implements Disposable {
  readonly #optimizer: AdamW;
  readonly #schedule: Schedule;
  readonly #names: string[];
  readonly #gradients: GradientPlans;
  #step = 0;
  /** Empty until the first update: before it there is nothing to go back from. */
  #good: Snapshot = { step: 0, tensors: {} };

  constructor(
    readonly model: DecoderModel,
    readonly options: TrainerOptions,
  ) {
    const { beta1 = 0.9, beta2 = 0.98, epsilon = 1e-8, warmupSteps = 50, finalFraction = 0.05 } = options;
    this.#optimizer = new AdamW({ beta1, beta2, epsilon });
    this.#schedule = warmupCosine({ steps: options.steps, warmupSteps, finalFraction });
    this.#names = model.parameterNames.filter(options.trainable ?? (() => true));
    this.#gradients = new GradientPlans(model, this.#names, options.forward);
    if (this.#names.length === 0) throw new SstError("invalid-argument", "no parameter of the model is to be trained");
  }

  /**
   * One optimiser step on one or several batches (accumulated).
   *
   * @throws SstError `not-finite`, naming the step and the first tensor; the model is back in its last good state then
   */
  async step(batches: readonly Batch[]): Promise<StepReport> {
    const started = performance.now();
    const { loss, gradients } = this.#lossAndGradients(batches);
    const squares = squaredNorms(gradients);
    const scale = clippingScale(loss, squares, this.options.clipNorm ?? 1);
    const candidate = this.#step % SNAPSHOT_STEPS === 0 ? this.#takeSnapshot() : undefined;
    const learningRate = this.options.learningRate * this.#schedule(this.#step);
    this.#optimizer.update(this.model, gradients, scale, learningRate, (name) => ({
      rateFactor: isTheta(name) ? (this.options.streamRateFactor ?? 10) : 1,
      weightDecay: isTheta(name) || isNorm(name) ? 0 : (this.options.weightDecay ?? 0.01),
    }));
    // The one download of a step, at its end: the device has all of the work before anybody waits for it.
    const figures = tidy(() => concat([reshape(loss, [1]), squares]) as Tensor);
    for (const each of [loss, scale, squares, ...Object.values(gradients)]) each.dispose();
    const [lossValue = Number.NaN, ...squareValues] = await figures.data();
    figures.dispose();
    await this.#requireFinite(lossValue, squareValues, candidate);
    if (candidate) this.#accept(candidate);
    this.#step++;
    const gradientNorm = Math.sqrt(squareValues.reduce((total, square) => total + square, 0));
    return { step: this.#step, loss: lossValue, gradientNorm, learningRate, durationMs: performance.now() - started };
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
    this.#gradients.dispose();
    this.#accept({ step: this.#good.step, tensors: {} });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #lossAndGradients(batches: readonly Batch[]): LossAndGradients {
    const { deliberation, forward } = this.options;
    if (deliberation === undefined) return this.#gradients.run(batches);
    const options = deliberatedForward(deliberation, this.#step, forward);
    return this.#gradients.run(
      batches.map((batch) => deliberatedBatch(batch, deliberation, options)),
      options,
    );
  }

  /** Where something is not finite the update has changed nothing, but the one before may have spoilt the parameters. */
  async #requireFinite(loss: number, squares: readonly number[], candidate: Snapshot | undefined): Promise<void> {
    const gradient = firstNotFinite(this.#names, squares);
    if (Number.isFinite(loss) && gradient === undefined) return;
    const norms = squaredNorms(Object.fromEntries(this.#names.map((name) => [name, this.model.tensor(name)])));
    const parameter = firstNotFinite(this.#names, await norms.data());
    norms.dispose();
    const culprit = parameter ? `parameter "${parameter}"` : gradient && `the gradient of "${gradient}"`;
    if (candidate) disposeAll(candidate);
    for (const [name, copy] of Object.entries(this.#good.tensors)) this.model.replace(name, keep(clone(copy)));
    throw new SstError(
      "not-finite",
      `training stopped at step ${this.#step + 1}: the loss is ${loss} and ${culprit ?? "no gradient"} is not finite; ` +
        `the model is back as it was after step ${this.#good.step}. A lower learning rate or more warm-up usually helps`,
    );
  }

  /** What the parameters are now; whether it is good is known when this step's figures are. */
  #takeSnapshot(): Snapshot {
    const tensors = this.#names.map((name) => [name, keep(clone(this.model.tensor(name)))]);
    return { step: this.#step, tensors: Object.fromEntries(tensors) };
  }

  #accept(snapshot: Snapshot): void {
    disposeAll(this.#good);
    this.#good = snapshot;
  }
}

function disposeAll({ tensors }: Snapshot): void {
  for (const copy of Object.values(tensors)) copy.dispose();
}

function isTheta(name: string): boolean {
  return isStreamParameter(name) && name.endsWith(".theta");
}

function isNorm(name: string): boolean {
  return name.endsWith("norm.weight");
}
