/**
 * Co-training (paper): adapters and the stream's parameters on a frozen backbone, and beside it the matched baseline, the same
 * backbone, adapters, data, steps and seeds without the stream.
 */
import {
  allLinearLayers,
  DecoderModel,
  type ForwardOptions,
  isStreamParameter,
  type LoraConfig,
  type ModelData,
  type StateStreamConfig,
  withLora,
  withStateStream,
} from "@sst/layers";
import { Random, type WeightFormat } from "@sst/tensor";
import type { Batch } from "./batch.js";
import type { TrainingForward } from "./solver-control.js";
import { type StepReport, Trainer } from "./trainer.js";
import type { TrainerOptions } from "./trainer-options.js";
import { TrainingRun, type TrainingRunOptions } from "./training-run.js";

export interface CoTrainOptions {
  /** Seeds the adapters. */
  readonly seed: number;
  readonly stateStream: StateStreamConfig;
  /** Where theta starts; defaults to 0. */
  readonly theta?: number;
  readonly lora?: LoraConfig;
  /** Packs the frozen backbone (QLoRA): its matrices are rounded to few bits, adapters and stream stay floats. */
  readonly quantize?: WeightFormat | undefined;
  readonly trainer: Omit<TrainerOptions, "trainable" | "forward">;
  /** How both run in training, beside the solver. */
  readonly forward?: Pick<ForwardOptions, "recompute">;
  /** How the model with the stream runs in training; defaults to the exact solver. The baseline has no stream to solve. */
  readonly streamForward?: TrainingForward;
  /** Batches of a step, the same for both models. */
  readonly batches: (step: number) => readonly Batch[];
  /** Checkpoints, evaluation and events of each; two stores, for each saves its own. Neither stops before the other. */
  readonly run?: (variant: CoTrainVariant, model: DecoderModel) => Omit<TrainingRunOptions, "batches">;
  readonly onStep?: (variant: CoTrainVariant, report: StepReport) => void;
  /** Ends training with an `AbortError`, after what `run` gave a store for has saved itself. */
  readonly signal?: AbortSignal;
  /** Called before training ends by the signal, while both runs are there: to keep what has no store. */
  readonly onInterrupt?: (runs: Readonly<Record<CoTrainVariant, TrainingRun>>) => Promise<void>;
}

export type CoTrainVariant = "stream" | "baseline";

/** Adapters of a rank, with scale 2, on every linear layer. */
export function loraOfRank(rank: number): LoraConfig {
  return { rank, alpha: 2 * rank, targetModules: allLinearLayers };
}

/** Of rank 8. */
export const defaultLora: LoraConfig = loraOfRank(8);

const variants = ["baseline", "stream"] as const satisfies CoTrainVariant[];

/**
 * Trains both, in step: each batch goes through one and then the other, so that they can be watched side by side. The
 * caller disposes of the models; when training fails or is aborted they are disposed of here.
 */
export async function coTrain(
  backbone: ModelData,
  options: CoTrainOptions,
): Promise<Record<CoTrainVariant, DecoderModel>> {
  const { batches, forward = {}, lora = defaultLora, quantize, seed, stateStream, theta = 0, streamForward } = options;
  const adapted = withLora(backbone, lora, new Random(`adapters/${seed}`));
  const models = {
    baseline: DecoderModel.fromData(adapted, { quantize }),
    stream: DecoderModel.fromData(withStateStream(adapted, stateStream, theta), { quantize }),
  };
  const trainerOptions = { ...options.trainer, trainable: isAddition };
  using baseline = new Trainer(models.baseline, { ...trainerOptions, forward });
  using stream = new Trainer(models.stream, { ...trainerOptions, forward: { ...forward, ...streamForward } });
  const trainers = { baseline, stream };
  try {
    const runs = {
      baseline: await TrainingRun.start(baseline, { ...options.run?.("baseline", models.baseline), batches }),
      stream: await TrainingRun.start(stream, { ...options.run?.("stream", models.stream), batches }),
    };
    // A killed run may have saved one of them later than the other: whoever is behind catches up.
    while (variants.some((variant) => trainers[variant].stepsDone < options.trainer.steps)) {
      if (options.signal?.aborted) {
        for (const variant of variants) await runs[variant].end("interrupted");
        await options.onInterrupt?.(runs);
        options.signal.throwIfAborted();
      }
      const next = baseline.stepsDone <= stream.stepsDone ? "baseline" : "stream";
      const report = await runs[next].advance();
      options.onStep?.(next, report);
    }
    for (const variant of variants) await runs[variant].end("finished");
    return models;
  } catch (error) {
    models.baseline.dispose();
    models.stream.dispose();
    throw error;
  }
}

/** What co-training adds to a backbone, and all that it trains. */
function isAddition(name: string): boolean {
  return name.includes(".lora_") || isStreamParameter(name);
}
