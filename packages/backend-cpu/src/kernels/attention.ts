/** The attention branch: rotary embedding, attention and its gradient, the cache of keys and values. */
import type { KernelCall, KernelImplementations } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmModule } from "../wasm-module.js";
import { addresses, allocateOutputs, numberOf, pointers, run, shapeOf, takeOver } from "./arguments.js";

export function attentionKernels(module: WasmModule): KernelImplementations {
  return {
    rotaryEmbedding: (call) => {
      const sign = call.attributes.direction === "forth" ? 1 : -1;
      const places = [numberOf(call, "offset"), numberOf(call, "iterations"), sign];
      return run(module, call, "rotaryEmbedding", ["x", "cos", "sin"], [...shapeOf(call, "x"), ...places]);
    },
    causalAttention: (call) => {
      const outputs = allocateOutputs(module, call);
      const hasPast = call.inputs.pastK !== undefined;
      const past = hasPast ? pointers(module, call, "pastK", "pastV") : [0, 0];
      const capacity = hasPast ? (shapeOf(call, "pastK")[1] as number) : 0;
      const pastLength = numberOf(call, "pastLength");
      const sizes = attentionSizes(call);
      const scratch = module.scratch(module.call("attentionScratchBytes", pastLength, sizes[1] as number));
      const from = [...pointers(module, call, "q", "k", "v"), ...past];
      const numbers = [capacity, pastLength, numberOf(call, "iterations"), numberOf(call, "scale"), scratch];
      module.call("causalAttention", ...from, ...addresses(module, outputs), ...sizes, ...numbers);
      return outputs;
    },
    causalAttentionGradient: (call) => {
      const sizes = attentionSizes(call);
      const scratch = module.scratch(module.call("attentionScratchBytes", 0, sizes[1] as number));
      const numbers = [...sizes, numberOf(call, "iterations"), numberOf(call, "scale"), scratch];
      return run(module, call, "causalAttentionGradient", ["dy", "q", "k", "v"], numbers);
    },
    cacheWrite: (call) => {
      const { cache, rows } = call.inputs as { cache: TensorInfo; rows: TensorInfo };
      const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
      const rowFloats = heads * headDim;
      const chunkFloats = (rows.shape[1] as number) * rowFloats;
      const heap = module.heap;
      for (let b = 0; b < batch; b++) {
        const from = module.pointer(rows) + b * chunkFloats * 4;
        const to = module.pointer(cache) + (b * capacity + numberOf(call, "offset")) * rowFloats * 4;
        heap.copyWithin(to, from, from + chunkFloats * 4);
      }
      return [takeOver(module, cache)];
    },
  };
}

/** batch, time, heads, keyValueHeads, headDim. */
function attentionSizes(call: KernelCall): number[] {
  const [batch, time, heads, headDim] = shapeOf(call, "q") as [number, number, number, number];
  return [batch, time, heads, shapeOf(call, "k")[2] as number, headDim];
}
