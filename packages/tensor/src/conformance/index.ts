/** The conformance kit: prove a backend right, and the float64 oracles that say what right is. */
export type { HostArray, HostArrays } from "./host-array.js";
export type { Attributes, KernelCase, KernelSuite, Oracle, Sizes } from "./kernel-suite.js";
export type { ConformanceReport, ConformanceRow } from "./report.js";
export { type ConformanceOptions, runConformance } from "./run-conformance.js";
export { affineScanOracle } from "./suites/affine-scan.js";
export { causalAttentionOracle } from "./suites/causal-attention.js";
export { embeddingLookupOracle } from "./suites/embedding-lookup.js";
export { gatedActivationOracle } from "./suites/gated-activation.js";
export { kernelSuites } from "./suites/index.js";
export { rmsNormOracle } from "./suites/rms-norm.js";
export { rotaryEmbeddingOracle } from "./suites/rotary-embedding.js";
export { softmaxCrossEntropyOracle } from "./suites/softmax-cross-entropy.js";
export { stateBlendOracle } from "./suites/state-blend.js";
export { stateRecurrenceOracle } from "./suites/state-recurrence.js";
