/** Our kernels' implementations on a GPU, by name. Where one is missing, its composition runs. */
import type { KernelImplementations } from "@sst/tensor";
import type { Product } from "../mat-mul.js";
import type { ProgramRunner } from "../program-runner.js";
import { adamwUpdate } from "./adamw-update.js";
import { affineScan, affineScanGradient } from "./affine-scan.js";
import { cacheWrite } from "./cache-write.js";
import { causalAttention, causalAttentionGradient } from "./causal-attention.js";
import { embeddingGradient, embeddingLookup } from "./embedding.js";
import { gatedActivation, gatedActivationGradient } from "./gated-activation.js";
import { integerMatMul, quantizedMatMul, quantizedMatMulGradient } from "./quantized-mat-mul.js";
import { rmsNorm, rmsNormGradient } from "./rms-norm.js";
import { rotaryEmbedding } from "./rotary-embedding.js";
import { softmaxCrossEntropy, softmaxCrossEntropyGradient } from "./softmax-cross-entropy.js";
import { stateBlend, stateBlendGradient } from "./state-blend.js";
import { stateRecurrence, stateRecurrenceGradient } from "./state-recurrence.js";

const kernels = {
  rmsNorm,
  rmsNormGradient,
  rotaryEmbedding,
  causalAttention,
  causalAttentionGradient,
  gatedActivation,
  gatedActivationGradient,
  stateBlend,
  stateBlendGradient,
  affineScan,
  affineScanGradient,
  stateRecurrence,
  stateRecurrenceGradient,
  embeddingLookup,
  embeddingGradient,
  integerMatMul,
  quantizedMatMul,
  quantizedMatMulGradient,
  softmaxCrossEntropy,
  softmaxCrossEntropyGradient,
  adamwUpdate,
  cacheWrite,
};

export function createKernels(runner: ProgramRunner, product: Product): KernelImplementations {
  return Object.fromEntries(Object.entries(kernels).map(([name, create]) => [name, create(runner, product)]));
}
