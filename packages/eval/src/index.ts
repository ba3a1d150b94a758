export type { LabelledBatch } from "./batches.js";
export type { Benchmark, Question, Verdict } from "./benchmark.js";
export { type GeneratedTaskOptions, taskBenchmark } from "./benchmarks/generated-task.js";
export { type GpqaOptions, gpqaBenchmark, letterIn } from "./benchmarks/gpqa.js";
export { type Gsm8kOptions, gsm8kBenchmark, gsm8kCodeBenchmark, programIn } from "./benchmarks/gsm8k.js";
export { lastNumber, markedNumber, sameNumber } from "./benchmarks/numbers.js";
export { type WordProblemOptions, wordProblemBenchmark } from "./benchmarks/word-problems.js";
export {
  accuracyByDepth,
  type DepthReading,
  readDepths,
  type SequenceReadings,
  unionOverDepths,
} from "./depths.js";
export {
  defaultDepths,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationProgress,
  type EvaluationRow,
  evaluate,
} from "./evaluate.js";
export {
  evaluateHalting,
  type HaltingResult,
  type HaltingRule,
  learnedHalting,
  untilAny,
  untilConfident,
  untilSettled,
} from "./halting.js";
export { type LabelAccuracy, labelAccuracy, lastAnswerByIterations } from "./label-accuracy.js";
export { type MeanLoss, meanLoss } from "./mean-loss.js";
export {
  latentStateBytes,
  type MemoryPart,
  type MemoryPlan,
  type MemoryPlanOptions,
  planMemory,
  type TrainingMemory,
} from "./memory/memory-plan.js";
export { type PerplexityOptions, type PerplexityRow, textPerplexity } from "./perplexity.js";
export {
  type AssessProbeOptions,
  type Discrimination,
  type ProbeAssessment,
  stratifiedFolds,
  trainProbe,
} from "./probe/assess.js";
export { type ProbedDepthOptions, probedDepth } from "./probe/probed-depth.js";
export { type ProbeSample, probeSamples } from "./probe/samples.js";
export { surfaceFeatures } from "./probe/surface.js";
export {
  type PythonOutcome,
  type PythonRun,
  PythonSandbox,
  type PythonSandboxOptions,
} from "./python/python-sandbox.js";
export type { ResultRecord } from "./results-file.js";
export { type BootstrapOptions, bootstrapInterval, bootstrapMean, type Interval } from "./statistics/bootstrap.js";
export { type Calibration, calibrationOf, type ReliabilityBin } from "./statistics/calibration.js";
export { accuracyOf, type Comparison, compare, errorReduction } from "./statistics/comparison.js";
export { mcNemarExact } from "./statistics/mcnemar.js";
export { areaUnderCurve, areaWithInterval } from "./statistics/ranking.js";
export { type CompletedToken, type CompletionRequest, fixedDepth, type StoppingPolicy } from "./stopping-policy.js";
export { type Subject, symbolSubject, type TextCodec, textSubject } from "./subject.js";
