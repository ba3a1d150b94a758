/**
 * The kernels of `@sst/backend-cpu` in WebAssembly with SIMD. They work on the memory of TensorFlow.js' own module,
 * which this one imports: pointers in, nothing allocated, no data of its own.
 */
export { affineScan, affineScanGradient } from "./affine-scan";
export { attentionScratchBytes, causalAttention, causalAttentionGradient } from "./attention";
export { gatedActivation, gatedActivationGradient } from "./gated-activation";
export { matMul, matMulScratchBytes } from "./matrix";
export { unpackWeights } from "./quantized";
export { rmsNorm, rmsNormGradient } from "./rms-norm";
export { rotaryEmbedding } from "./rotary-embedding";
export { stateBlend, stateBlendGradient } from "./state-blend";
export {
  stateRecurrence,
  stateRecurrenceGradient,
  stateRecurrenceGradientScratchBytes,
  stateRecurrenceScratchBytes,
} from "./state-recurrence";
export { adamwUpdate, embeddingGradient, embeddingLookup, softmaxCrossEntropy, softmaxCrossEntropyGradient } from "./training";
