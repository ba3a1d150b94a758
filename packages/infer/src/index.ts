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
export { StopTexts } from "./text/stop-texts.js";
export { TextAssembler, type TokenDecoder } from "./text/text-assembler.js";
