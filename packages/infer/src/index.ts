export { type Bimodality, type BimodalityOptions, bimodality } from "./basins/bimodality.js";
export { type BasinOptions, type Basins, findBasins, type Stretch } from "./basins/find-basins.js";
export { type Projection, projectStates } from "./basins/project.js";
export type { Trajectory } from "./basins/trajectory.js";
export { type Transition, transitionsOf } from "./basins/transitions.js";
export { capacityFor } from "./capacity.js";
export { type CustomOptions, custom } from "./deliberation/custom.js";
export { fixed } from "./deliberation/fixed.js";
export { entropyNats, jensenShannonBits, kullbackLeiblerNats, totalVariation } from "./deliberation/measures.js";
export {
  type Deliberation,
  type DeliberationPolicy,
  type IterationView,
  type Needs,
  type PositionView,
  plannedIterations,
} from "./deliberation/policy.js";
export { type HaltingProbe, type ProbedOptions, probed } from "./deliberation/probed.js";
export { relativeChange, type UntilConvergedOptions, untilConverged } from "./deliberation/until-converged.js";
export { type UntilDecidedOptions, untilDecided } from "./deliberation/until-decided.js";
export { type GenerateOptions, generate } from "./generate.js";
export { labelPositions } from "./label.js";
export { likeliestTokens } from "./likeliest.js";
export { type PromptedOptions, requireRoom } from "./request.js";
export { type ChoicePlace, ChoiceTrie } from "./sampling/choice-trie.js";
export {
  logProbabilities,
  logProbabilityOf,
  type TokenLogProbability,
  topLogProbabilities,
} from "./sampling/log-probabilities.js";
export {
  checkSampling,
  type DrawOptions,
  isPlainlyGreedy,
  type PenaltyOptions,
  type SamplingOptions,
} from "./sampling/options.js";
export { sampleToken } from "./sampling/sample-token.js";
export { Sampler, type SamplerStart } from "./sampling/sampler.js";
export { type ChoiceScores, scoreChoices } from "./sampling/score-choices.js";
export { eventStream } from "./session/event-stream.js";
export type {
  GenerationEnd,
  GenerationEvent,
  GenerationFigures,
  IterationEnd,
  TokenDelta,
} from "./session/events.js";
export type { SessionGeneration } from "./session/generation.js";
export type { ReadOptions, ReadReport } from "./session/read-tokens.js";
export { generateSamples, type SampleEvent, type SampleOptions } from "./session/samples.js";
export { Session, type SessionMark, type SessionOptions } from "./session/session.js";
export { SessionBatch, type SessionBatchOptions } from "./session/session-batch.js";
export { StopTexts } from "./text/stop-texts.js";
export { TextAssembler, type TokenDecoder } from "./text/text-assembler.js";
export type { StoredRecord, TraceHeader } from "./trace/trace-format.js";
export { type TraceOptions, traceGeneration } from "./trace/trace-generation.js";
export { type TraceFile, type TraceFiles, TraceReader } from "./trace/trace-reader.js";
export type { DistributionFigures, StateFigures, TokenProbability, TraceRecord } from "./trace/trace-record.js";
export { type TraceStreams, TraceWriter } from "./trace/trace-writer.js";
