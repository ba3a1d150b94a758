export { AdamW, type AdamWOptions, type ParameterRates } from "./adamw.js";
export { type Batch, labelCount, nextTokenBatch } from "./batch.js";
export { type CoTrainOptions, type CoTrainVariant, coTrain, defaultLora } from "./co-train.js";
export { type FitProbeOptions, fitProbe, type ProbeRow } from "./fit-probe.js";
export { type LossAndGradients, lossAndGradients } from "./gradients.js";
export { type Schedule, type ScheduleOptions, warmupCosine } from "./schedule.js";
export { type StepReport, Trainer, type TrainerOptions } from "./trainer.js";
