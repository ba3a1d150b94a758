/**
 * Co-training (paper): adapters and the stream's theta on a frozen backbone, and beside it the matched baseline, the same
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
import { Random } from "@sst/tensor";
import type { Batch } from "./batch.js";
import { type StepReport, Trainer, type TrainerOptions } from "./trainer.js";

export interface CoTrainOptions {
  /** Seeds the adapters. */
  readonly seed: number;
  readonly stateStream: StateStreamConfig;
  /** Where theta starts; defaults to 0. */
  readonly theta?: number;
  readonly lora?: LoraConfig;
  readonly trainer: Omit<TrainerOptions, "trainable" | "forward">;
  /** How the model with the stream runs in training; defaults to the exact solver. The baseline has no stream to solve. */
  readonly streamForward?: ForwardOptions;
  /** Batches of a step, the same for both models. */
  readonly batches: (step: number) => readonly Batch[];
  readonly onStep?: (variant: CoTrainVariant, report: StepReport) => void;
  readonly signal?: AbortSignal;
}

export type CoTrainVariant = "stream" | "baseline";

/** Adapters of rank 8 and scale 2 on every linear layer. */
export const defaultLora: LoraConfig = { rank: 8, alpha: 16, targetModules: allLinearLayers };

/**
 * Trains both, in step: each batch goes through one and then the other, so that they can be watched side by side. The
 * caller disposes of the models; when training fails or is aborted they are disposed of here.
 */
export async function coTrain(
  backbone: ModelData,
  options: CoTrainOptions,
): Promise<Record<CoTrainVariant, DecoderModel>> {
  const { lora = defaultLora, seed, stateStream, theta = 0, streamForward } = options;
  const adapted = withLora(backbone, lora, new Random(`adapters/${seed}`));
  const models = {
    baseline: DecoderModel.fromData(adapted),
    stream: DecoderModel.fromData(withStateStream(adapted, stateStream, theta)),
  };
  const trainerOptions = { ...options.trainer, trainable: isAddition };
  using baseline = new Trainer(models.baseline, trainerOptions);
  using stream = new Trainer(models.stream, { ...trainerOptions, ...(streamForward && { forward: streamForward }) });
  try {
    for (let step = 0; step < options.trainer.steps; step++) {
      options.signal?.throwIfAborted();
      const batches = options.batches(step);
      options.onStep?.("baseline", await baseline.step(batches));
      options.onStep?.("stream", await stream.step(batches));
    }
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
