/** The kit's knowledge of every kernel. */
import type { KernelSuite } from "../kernel-suite.js";
import { adamwUpdateSuite } from "./adamw-update.js";
import { affineScanSuite } from "./affine-scan.js";
import { cacheWriteSuite } from "./cache-write.js";
import { causalAttentionSuite } from "./causal-attention.js";
import { documentAttentionSuite } from "./document-attention.js";
import { embeddingLookupSuite } from "./embedding-lookup.js";
import { gatedActivationSuite } from "./gated-activation.js";
import { integerMatMulSuite } from "./integer-mat-mul.js";
import { quantizedMatMulSuite } from "./quantized-mat-mul.js";
import { rmsNormSuite } from "./rms-norm.js";
import { rotaryEmbeddingSuite } from "./rotary-embedding.js";
import { softmaxCrossEntropySuite } from "./softmax-cross-entropy.js";
import { stateBlendSuite } from "./state-blend.js";
import { stateRecurrenceSuite } from "./state-recurrence.js";
import { tailAttentionSuite } from "./tail-attention.js";

export const kernelSuites: readonly KernelSuite[] = [
  rmsNormSuite,
  rotaryEmbeddingSuite,
  causalAttentionSuite,
  tailAttentionSuite,
  documentAttentionSuite,
  gatedActivationSuite,
  stateBlendSuite,
  affineScanSuite,
  stateRecurrenceSuite,
  embeddingLookupSuite,
  softmaxCrossEntropySuite,
  quantizedMatMulSuite,
  integerMatMulSuite,
  adamwUpdateSuite,
  cacheWriteSuite,
];
