export { type GenerateOptions, generate } from "./generate.js";
export { labelPositions } from "./label.js";
export { likeliestTokens } from "./likeliest.js";
export { checkSampling, type SamplingOptions, sampleToken } from "./sampling.js";
