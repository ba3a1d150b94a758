/** Our kernels' implementations, by the names of their definitions in `@sst/tensor`. */
import type { KernelImplementations } from "@sst/tensor";
import type { WasmModule } from "../wasm-module.js";
import { attentionKernels } from "./attention.js";
import { feedForwardKernels } from "./feed-forward.js";
import { quantizedKernels } from "./quantized.js";
import { streamKernels } from "./stream.js";
import { trainingKernels } from "./training.js";

export function createKernels(module: WasmModule): KernelImplementations {
  return {
    ...attentionKernels(module),
    ...feedForwardKernels(module),
    ...streamKernels(module),
    ...quantizedKernels(module),
    ...trainingKernels(module),
  };
}
