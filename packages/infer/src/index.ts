export { type GenerateOptions, generate } from "./generate.js";
export { labelPositions } from "./label.js";
export { likeliestTokens } from "./likeliest.js";
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
export { StopTexts } from "./text/stop-texts.js";
export { TextAssembler, type TokenDecoder } from "./text/text-assembler.js";
