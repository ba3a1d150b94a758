export type { LabelledBatch } from "./batches.js";
export { type LabelAccuracy, labelAccuracy, lastAnswerByIterations } from "./label-accuracy.js";
export { type MeanLoss, meanLoss } from "./mean-loss.js";
export {
  type PythonOutcome,
  type PythonRun,
  PythonSandbox,
  type PythonSandboxOptions,
} from "./python/python-sandbox.js";
export { type BootstrapOptions, bootstrapInterval, bootstrapMean, type Interval } from "./statistics/bootstrap.js";
export { accuracyOf, type Comparison, compare, errorReduction } from "./statistics/comparison.js";
export { mcNemarExact } from "./statistics/mcnemar.js";
