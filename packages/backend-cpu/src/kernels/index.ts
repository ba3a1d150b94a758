/** Our kernels' implementations, by the names of their definitions in `@sst/tensor`. */
import type { CoreKernel } from "./arguments.js";
import { attentionKernels } from "./attention.js";
import { feedForwardKernels } from "./feed-forward.js";
import { quantizedKernels } from "./quantized.js";
import { streamKernels } from "./stream.js";
import { trainingKernels } from "./training.js";

export const coreKernels: Readonly<Record<string, CoreKernel>> = {
  ...attentionKernels,
  ...feedForwardKernels,
  ...streamKernels,
  ...quantizedKernels,
  ...trainingKernels,
};
