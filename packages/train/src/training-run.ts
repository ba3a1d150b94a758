/**
 * A run from its first step, or from where it was interrupted, to its end: batches with a cursor, checkpoints, evaluation
 * with early stopping and the best parameters, and events that say how it goes.
 */
import type { HostTensor, SolverChoice } from "@sst/layers";
import { keep, memory, SstError, tensor, turnOfTheLoop } from "@sst/tensor";
import type { Batch } from "./batch.js";
import { type BatchSource, batchesByStep } from "./batch-source.js";
import { type Checkpoint, type CheckpointStore, type Json, requireSameConfiguration } from "./checkpoint.js";
import { observe } from "./observation.js";
import type { StepReport, Trainer } from "./trainer.js";
import { type EndReason, normsByPart, type TrainingEvent } from "./training-events.js";

export interface TrainingRunOptions {
  /** Batches of each step, by its number from 0, or a source with a cursor. */
  readonly batches: BatchSource | ((step: number) => readonly Batch[]);
  readonly checkpoints?: CheckpointOptions;
  readonly evaluation?: EvaluationOptions;
  /** Every so many steps residuals and alphas are told, at the cost of a forward pass. Never, where it is left out. */
  readonly observeEverySteps?: number;
  readonly onEvent?: (event: TrainingEvent) => void;
}

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  readonly everySteps: number;
  /** Goes on from the store's newest checkpoint; otherwise the store has to be empty. */
  readonly resume?: boolean;
  /** What has to be the same for a run that goes on, beside what the trainer was made with: data, seeds. */
  readonly configuration?: Readonly<Record<string, Json>>;
  /**
   * Throws where the data is not what it was at the start. Asked with every checkpoint; what it throws ends the run when
   * that is saved.
   */
  readonly requireUnchangedData?: () => Promise<void>;
}

export interface EvaluationOptions {
  readonly everySteps: number;
  /** The loss that counts, the lower the better. */
  readonly loss: () => Promise<number>;
  /** Ends the run after so many evaluations in a row without a new lowest loss. Never, where it is left out. */
  readonly patience?: number;
  /** Ends the run with the parameters of the lowest loss; otherwise with the last ones. */
  readonly keepBest?: boolean;
}

export interface TrainingOutcome {
  readonly reason: EndReason;
  /** Steps that are done. */
  readonly step: number;
  /** The lowest evaluation; absent without any. */
  readonly best?: Evaluated;
}

interface Evaluated {
  readonly step: number;
  readonly loss: number;
}

/** How long steps may follow each other without a pause. */
const BREATH_MS = 50;

const bestPrefix = "best/";

export class TrainingRun {
  readonly #source: BatchSource;
  #best: Evaluated | undefined;
  /** Parameters at the lowest loss, if they are wanted. */
  #bestParameters: Readonly<Record<string, HostTensor>> = {};
  #evaluationsWithoutBest = 0;
  #savedStep = -1;
  #breathedAtMs = performance.now();
  #averageMs: number | undefined;

  private constructor(
    readonly trainer: Trainer,
    private readonly options: TrainingRunOptions,
  ) {
    this.#source = typeof options.batches === "function" ? batchesByStep(options.batches) : options.batches;
  }

  /**
   * A run at its beginning, or where its newest checkpoint left it.
   *
   * @throws SstError `file-not-found` for a resume without a checkpoint, `output-exists` for a new run where an earlier
   * one has left checkpoints, `checkpoint-mismatch` for a resume with other settings, and what the store throws
   */
  static async start(trainer: Trainer, options: TrainingRunOptions): Promise<TrainingRun> {
    for (const [name, value] of Object.entries({
      "checkpoints.everySteps": options.checkpoints?.everySteps,
      "evaluation.everySteps": options.evaluation?.everySteps,
      "evaluation.patience": options.evaluation?.patience,
      observeEverySteps: options.observeEverySteps,
    })) {
      if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
      throw new SstError("invalid-argument", `${name} should be a whole number of at least 1, but is ${value}`);
    }
    const run = new TrainingRun(trainer, options);
    await run.#begin();
    return run;
  }

  /**
   * Trains until it is done, stopped early or aborted; before it returns the last state is saved as a checkpoint, if there
   * is a store.
   *
   * @throws SstError `not-finite` (the model is back in its last good state and older checkpoints are whole), and what the
   * batches, the store and `requireUnchangedData` throw
   */
  async finish(signal?: AbortSignal): Promise<TrainingOutcome> {
    while (true) {
      const reason = signal?.aborted ? "interrupted" : this.#isDone();
      if (reason !== undefined) return this.end(reason);
      await this.advance();
    }
  }

  /** One step, with what is due after it. */
  async advance(): Promise<StepReport> {
    const { checkpoints, evaluation, observeEverySteps } = this.options;
    await this.#breathe();
    const batches = await this.#source.next(this.trainer.stepsDone);
    const report = await this.trainer.step(batches);
    this.#tellStep(report, batches);
    const isDue = (every: number | undefined) => every !== undefined && report.step % every === 0;
    if (isDue(observeEverySteps) || (observeEverySteps && report.step === 1)) await this.#observe(batches[0] as Batch);
    if (evaluation && isDue(evaluation.everySteps)) await this.#evaluate(evaluation);
    if (checkpoints && isDue(checkpoints.everySteps)) await this.#save(checkpoints);
    return report;
  }

  /** Saves what was not saved yet, and puts the best parameters back if they are wanted and the run is over. */
  async end(reason: EndReason): Promise<TrainingOutcome> {
    const { checkpoints, evaluation } = this.options;
    if (checkpoints && this.#savedStep !== this.trainer.stepsDone) await this.#save(checkpoints);
    if (evaluation?.keepBest && reason !== "interrupted") {
      for (const [name, { shape, data }] of Object.entries(this.#bestParameters)) {
        this.trainer.model.replace(name, keep(tensor(data, [...shape])));
      }
    }
    const step = this.trainer.stepsDone;
    this.#tell({ event: "end", step, reason });
    return { reason, step, ...(this.#best && { best: this.#best }) };
  }

  /**
   * The run as it is now, for whoever keeps it himself.
   *
   * @throws SstError `not-finite` for parameters that the last step has spoilt
   */
  async checkpoint(): Promise<Checkpoint> {
    const { step, tensors, solver } = await this.trainer.state();
    const best = Object.entries(this.#bestParameters).map(([name, value]) => [bestPrefix + name, value]);
    const state: RunState = {
      data: this.#source.state(),
      best: this.#best ? { ...this.#best } : null,
      evaluationsWithoutBest: this.#evaluationsWithoutBest,
      ...(solver && { solver: { ...solver } }),
    };
    return {
      step,
      configuration: this.#configuration(),
      state: { ...state },
      tensors: { ...tensors, ...Object.fromEntries(best) },
    };
  }

  #isDone(): EndReason | undefined {
    const { patience } = this.options.evaluation ?? {};
    if (patience !== undefined && this.#evaluationsWithoutBest >= patience) return "stopped-early";
    return this.trainer.stepsDone >= this.trainer.options.steps ? "finished" : undefined;
  }

  async #begin(): Promise<void> {
    const { checkpoints } = this.options;
    const checkpoint = await checkpoints?.store.load();
    if (checkpoint && !checkpoints?.resume) {
      throw new SstError(
        "output-exists",
        `there are checkpoints of an earlier run, up to step ${checkpoint.step}: resume it, or keep this run's somewhere else`,
      );
    }
    if (!checkpoint && checkpoints?.resume) {
      throw new SstError("file-not-found", "there is no checkpoint to resume from: begin the run without resuming");
    }
    if (checkpoint) this.#restore(checkpoint);
    const sizes = this.trainer.parameterNames.map((name) => this.trainer.model.tensor(name).size);
    const trainedParameters = sizes.reduce((total, size) => total + size, 0);
    this.#tell({ event: "start", step: this.trainer.stepsDone, steps: this.trainer.options.steps, trainedParameters });
  }

  #restore({ configuration, state, step, tensors }: Checkpoint): void {
    requireSameConfiguration(configuration, this.#configuration());
    const { data, best, evaluationsWithoutBest, solver } = state as unknown as RunState;
    const entries = Object.entries(tensors);
    const isBest = ([name]: [string, HostTensor]) => name.startsWith(bestPrefix);
    const own = Object.fromEntries(entries.filter((entry) => !isBest(entry)));
    this.trainer.restore({ step, tensors: own, ...(solver && { solver }) });
    this.#source.restore(data);
    this.#best = best ?? undefined;
    this.#evaluationsWithoutBest = evaluationsWithoutBest;
    this.#bestParameters = Object.fromEntries(
      entries.filter(isBest).map(([name, value]) => [name.slice(bestPrefix.length), value]),
    );
    this.#savedStep = step;
  }

  async #save({ store, requireUnchangedData }: CheckpointOptions): Promise<void> {
    const checkpoint = await this.checkpoint();
    await store.save(checkpoint);
    this.#savedStep = checkpoint.step;
    this.#tell({ event: "checkpoint", step: checkpoint.step });
    await requireUnchangedData?.();
  }

  async #evaluate({ loss, keepBest = false }: EvaluationOptions): Promise<void> {
    const value = await loss();
    const step = this.trainer.stepsDone;
    const isBest = this.#best === undefined || value < this.#best.loss;
    this.#evaluationsWithoutBest = isBest ? 0 : this.#evaluationsWithoutBest + 1;
    if (isBest) {
      this.#best = { step, loss: value };
      if (keepBest) this.#bestParameters = await this.trainer.parameters();
    }
    this.#tell({ event: "evaluation", step, loss: value, isBest });
  }

  async #observe(batch: Batch): Promise<void> {
    const { forward, model, stepsDone } = this.trainer;
    this.#tell({ event: "observation", step: stepsDone, ...(await observe(model, batch, forward)) });
  }

  #configuration(): Readonly<Record<string, Json>> {
    return { ...this.trainer.configuration, ...this.options.checkpoints?.configuration };
  }

  #tellStep({ gradientNorms, solver, ...report }: StepReport, batches: readonly Batch[]): void {
    if (solver) this.#tell({ event: "solver", step: report.step, ...solver });
    const tokens = batches.reduce((total, { batchSize, time }) => total + batchSize * time, 0);
    const { durationMs } = report;
    this.#averageMs = this.#averageMs === undefined ? durationMs : 0.9 * this.#averageMs + 0.1 * durationMs;
    this.#tell({
      event: "step",
      ...report,
      gradientNorms: normsByPart(gradientNorms),
      tokensPerSecond: tokens / (durationMs / 1000),
      memoryBytes: memory().bytes,
      remainingMs: this.#averageMs * (this.trainer.options.steps - report.step),
    });
  }

  /** A device that answers at once leaves no turn to signals, timers and servers: they get one now and then. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedAtMs < BREATH_MS) return;
    await turnOfTheLoop();
    this.#breathedAtMs = performance.now();
  }

  #tell(event: TrainingEvent): void {
    this.options.onEvent?.(event);
  }
}

/** What a checkpoint's state holds. */
type RunState = {
  readonly data: Json;
  readonly best: { readonly step: number; readonly loss: number } | null;
  readonly evaluationsWithoutBest: number;
  /** What `solver: "auto"` has chosen. */
  readonly solver?: Pick<SolverChoice, keyof SolverChoice>;
};
