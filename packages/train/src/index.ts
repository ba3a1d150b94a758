export { AdamW, type AdamWOptions, type Moments, type ParameterRates } from "./adamw.js";
export { type Batch, labelCount, nextTokenBatch } from "./batch.js";
export { type BatchSource, batchesByStep } from "./batch-source.js";
export { type Checkpoint, type CheckpointStore, type Json, requireSameConfiguration } from "./checkpoint.js";
export { type CoTrainOptions, type CoTrainVariant, coTrain, defaultLora, loraOfRank } from "./co-train.js";
export { type Deliberation, deliberatedBatch, deliberatedForward, drawnIterations } from "./deliberation.js";
export {
  asksWithin,
  DocumentBatches,
  type DocumentBatchesOptions,
  type DocumentList,
  documentBatch,
  documentBatches,
  documentsWhenAsked,
  type RowOptions,
  type TokenDocument,
} from "./document-batches.js";
export { type FitProbeOptions, fitProbe, type ProbeRow } from "./fit-probe.js";
export { type LossAndGradients, lossAndGradients } from "./gradients.js";
export { type AlphaSummary, type Observation, observe } from "./observation.js";
export { type Schedule, type ScheduleOptions, shortWarmup, warmupCosine } from "./schedule.js";
export type { AutoForward, SolverReview, TrainingForward } from "./solver-control.js";
export { type DocumentParts, StreamedBatches } from "./streamed-batches.js";
export { type StepReport, Trainer, type TrainerState } from "./trainer.js";
export type { TrainerOptions } from "./trainer-options.js";
export type {
  CheckpointEvent,
  EndEvent,
  EndReason,
  EvaluationEvent,
  ObservationEvent,
  SolverEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
} from "./training-events.js";
export {
  type CheckpointOptions,
  type EvaluationOptions,
  type TrainingOutcome,
  TrainingRun,
  type TrainingRunOptions,
} from "./training-run.js";
