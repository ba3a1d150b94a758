/**
 * The training loop: loss and gradients, clipping, AdamW under a schedule. Nothing is written for a number that is not
 * finite: training stops, says which tensor it was, and the model goes back to its last good state.
 */
import {
  type DecoderModel,
  downloaded,
  type ForwardOptions,
  type HostTensor,
  isStreamParameter,
  type SolverChoice,
} from "@sst/layers";
import { clone, concat, keep, reshape, SstError, type Tensor, tensor, tidy } from "@sst/tensor";
import { AdamW, type Moments } from "./adamw.js";
import type { Batch } from "./batch.js";
import { requireBatches } from "./batch-checks.js";
import type { Json } from "./checkpoint.js";
import { deliberatedBatch, deliberatedForward } from "./deliberation.js";
import { clippingScale, firstNotFinite, squaredNorms } from "./finiteness.js";
import { GradientPlans } from "./gradient-plans.js";
import type { LossAndGradients } from "./gradients.js";
import { type Schedule, warmupCosine } from "./schedule.js";
import { SolverControl, type SolverReview } from "./solver-control.js";
import { decided, namedDeliberation, type TrainerOptions, type TrainerSettings } from "./trainer-options.js";

export interface StepReport {
  /** Counted from 1. */
  readonly step: number;
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** By parameter name, before clipping. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly durationMs: number;
  /** Where the solver was looked at before this step. */
  readonly solver?: SolverReview;
}

/** What the trainer goes on from: parameters under their names, the optimiser's moments under `adamw.m/` and `adamw.v/`. */
export interface TrainerState {
  readonly step: number;
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** What `solver: "auto"` has chosen. */
  readonly solver?: SolverChoice;
}

/** The parameters after a number of steps. An update of a tensor that is kept here works on a copy. */
interface Snapshot {
  readonly step: number;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

const firstMoment = "adamw.m/";
const secondMoment = "adamw.v/";

const nothingYet: Snapshot = { step: 0, tensors: {} };

/** Steps between the copies that a run falls back to. */
const SNAPSHOT_STEPS = 10;

export class Trainer implements Disposable {
  readonly #settings: TrainerSettings;
  readonly #optimizer: AdamW;
  readonly #schedule: Schedule;
  readonly #names: string[];
  readonly #gradients: GradientPlans;
  readonly #solver: SolverControl;
  #step = 0;
  /** Empty until the first update: before it there is nothing to go back from. */
  #good: Snapshot = nothingYet;

  constructor(
    readonly model: DecoderModel,
    readonly options: TrainerOptions,
  ) {
    this.#settings = decided(options);
    const { beta1, beta2, epsilon, warmupSteps, finalFraction } = this.#settings;
    this.#optimizer = new AdamW({ beta1, beta2, epsilon });
    this.#schedule = warmupCosine({ steps: options.steps, warmupSteps, finalFraction });
    this.#names = model.parameterNames.filter(options.trainable ?? (() => true));
    this.#solver = new SolverControl(model, options.forward);
    this.#gradients = new GradientPlans(model, this.#names);
    if (this.#names.length === 0) throw new SstError("invalid-argument", "no parameter of the model is to be trained");
  }

  /** Steps that are done. */
  get stepsDone(): number {
    return this.#step;
  }

  get parameterNames(): readonly string[] {
    return this.#names;
  }

  /** How the model runs in training, now: with `solver: "auto"` it changes. */
  get forward(): ForwardOptions {
    return this.#solver.forward;
  }

  /** What a checkpoint of this training belongs to: the model's shape, what is trained, and how. */
  get configuration(): Readonly<Record<string, Json>> {
    const { config, lora } = this.model;
    const prefixed = (prefix: string, values: object) =>
      Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, JSON.parse(JSON.stringify(value)) as Json]);
    return {
      ...Object.fromEntries(prefixed("model", config)),
      ...Object.fromEntries(prefixed("adapters", lora ?? {})),
      ...Object.fromEntries(prefixed("forward", this.options.forward ?? {})),
      ...Object.fromEntries(prefixed("deliberation", namedDeliberation(this.options.deliberation))),
      ...this.#settings,
      trained: this.#names,
    };
  }

  /** What is trained, as it is now, in host memory. */
  async parameters(): Promise<Record<string, HostTensor>> {
    const tensors: Record<string, HostTensor> = {};
    for (const name of this.#names) tensors[name] = await downloaded(this.model.tensor(name));
    return tensors;
  }

  /**
   * Everything that training goes on from, in host memory.
   *
   * @throws SstError `not-finite` naming a parameter that the last update has spoilt; the model is back in its last good
   * state then
   */
  async state(): Promise<TrainerState> {
    const tensors = await this.parameters();
    const spoilt = this.#names.find((name) => !tensors[name]?.data.every(Number.isFinite));
    if (spoilt !== undefined) this.#goBack(`parameter "${spoilt}" is not finite after step ${this.#step}`);
    for (const [name, { m, v }] of this.#optimizer.moments) {
      tensors[`${firstMoment}${name}`] = await downloaded(m);
      tensors[`${secondMoment}${name}`] = await downloaded(v);
    }
    const { choice } = this.#solver;
    return { step: this.#step, tensors, ...(choice && { solver: choice }) };
  }

  /**
   * Puts model and optimiser where they were: the next step is the one that would have followed.
   *
   * @throws SstError `checkpoint-mismatch` for tensors that are not this trainer's
   */
  restore({ step, tensors, solver }: TrainerState): void {
    const hasMoments = step > 0;
    const expected = this.#names.flatMap((name) => [
      name,
      ...(hasMoments ? [`${firstMoment}${name}`, `${secondMoment}${name}`] : []),
    ]);
    const missing = expected.find((name) => tensors[name]?.shape.join() !== this.#shapeOf(name).join());
    if (missing !== undefined) {
      throw new SstError(
        "checkpoint-mismatch",
        `the checkpoint has no tensor "${missing}" [${this.#shapeOf(missing)}]`,
      );
    }
    const uploaded = (name: string): Tensor => {
      const { data, shape } = tensors[name] as HostTensor;
      return keep(tensor(data, [...shape]));
    };
    const moments: Record<string, Moments> = {};
    for (const name of this.#names) {
      this.model.replace(name, uploaded(name));
      if (!hasMoments) continue;
      moments[name] = { m: uploaded(`${firstMoment}${name}`), v: uploaded(`${secondMoment}${name}`) };
    }
    this.#optimizer.restore(step, moments);
    this.#solver.restore(solver);
    this.#step = step;
    this.#accept(nothingYet);
  }

  /**
   * One optimiser step on one or several batches (accumulated).
   *
   * @throws SstError `not-finite`, naming the step and the first tensor; the model is back in its last good state then.
   * For batches that do not fit the model `context-overflow`, `unknown-token`, `shape-mismatch` or `invalid-argument`
   */
  async step(batches: readonly Batch[]): Promise<StepReport> {
    requireBatches(batches, this.model.config);
    const started = performance.now();
    const review = await this.#reviewSolver(batches);
    const { loss, gradients, squares } = this.#lossAndGradients(batches);
    const scale = clippingScale(loss, squares, this.#settings.clipNorm);
    const isDue = this.#step % SNAPSHOT_STEPS === 0 || this.#good === nothingYet;
    const candidate = isDue ? this.#takeSnapshot() : undefined;
    const learningRate = this.#settings.learningRate * this.#schedule(this.#step);
    this.#optimizer.update(this.model, gradients, scale, learningRate, (name) => ({
      rateFactor: isTheta(name) ? this.#settings.streamRateFactor : 1,
      weightDecay: isTheta(name) || isNorm(name) ? 0 : this.#settings.weightDecay,
    }));
    // The one download of a step, at its end: the device has all of the work before anybody waits for it.
    const figures = tidy(() => concat([reshape(loss, [1]), squares]) as Tensor);
    for (const each of [loss, scale, squares, ...Object.values(gradients)]) each.dispose();
    const [lossValue = Number.NaN, ...squareValues] = await figures.data();
    figures.dispose();
    await this.#requireFinite(lossValue, squareValues, candidate);
    if (candidate) this.#accept(candidate);
    this.#step++;
    return {
      step: this.#step,
      loss: lossValue,
      gradientNorm: Math.sqrt(squareValues.reduce((total, square) => total + square, 0)),
      gradientNorms: Object.fromEntries(
        this.#names.map((name, index) => [name, Math.sqrt(squareValues[index] as number)]),
      ),
      learningRate,
      durationMs: performance.now() - started,
      ...(review && { solver: review }),
    };
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
    this.#accept(nothingYet);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #reviewSolver(batches: readonly Batch[]): Promise<SolverReview | undefined> {
    const review = await this.#solver.review(this.#step, batches, this.#forwardOfStep().iterations);
    if (review?.isNew) this.#gradients.forget();
    return review;
  }

  #forwardOfStep(): ForwardOptions {
    const { deliberation } = this.options;
    return deliberation ? deliberatedForward(deliberation, this.#step, this.forward) : this.forward;
  }

  #lossAndGradients(batches: readonly Batch[]): Required<LossAndGradients> {
    const { deliberation } = this.options;
    const options = this.#forwardOfStep();
    if (deliberation === undefined) return this.#gradients.run(batches, options);
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
    this.#goBack(`the loss is ${loss} and ${culprit ?? "no gradient"} is not finite`, this.#step + 1);
  }

  #goBack(reason: string, step = this.#step): never {
    for (const [name, copy] of Object.entries(this.#good.tensors)) this.model.replace(name, keep(clone(copy)));
    throw new SstError(
      "not-finite",
      `training stopped at step ${step}: ${reason}; the model is back as it was after step ${this.#good.step}. ` +
        "A lower learning rate or more warm-up usually helps",
    );
  }

  /** Of a parameter, or of a moment of one. */
  #shapeOf(name: string): readonly number[] {
    return this.model.tensor(name.replace(firstMoment, "").replace(secondMoment, "")).shape;
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

/** Of a layer's stream or of the recirculation, whose matrix goes with the other matrices. */
function isTheta(name: string): boolean {
  return isStreamParameter(name) && name.endsWith(".theta");
}

function isNorm(name: string): boolean {
  return name.endsWith("norm.weight");
}
