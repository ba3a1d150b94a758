/** Both ends of a model, and what only training needs: the embedding and its gradient, cross entropy, the optimiser's update. */
import type { KernelImplementations } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmModule } from "../wasm-module.js";
import { numberOf, pointers, rowsOf, run, shapeOf, sizeOf, takeOver } from "./arguments.js";

export function trainingKernels(module: WasmModule): KernelImplementations {
  return {
    embeddingLookup: (call) => {
      const sizes = [sizeOf(shapeOf(call, "tokens")), shapeOf(call, "table")[1] as number];
      return run(module, call, "embeddingLookup", ["table", "tokens"], sizes);
    },
    embeddingGradient: (call) =>
      run(
        module,
        call,
        "embeddingGradient",
        ["dy", "tokens"],
        [sizeOf(shapeOf(call, "tokens")), ...shapeOf(call, "table")],
      ),
    softmaxCrossEntropy: (call) =>
      run(module, call, "softmaxCrossEntropy", ["logits", "labels"], rowsOf(call, "logits")),
    softmaxCrossEntropyGradient: (call) =>
      run(module, call, "softmaxCrossEntropyGradient", ["dLoss", "logits", "labels"], rowsOf(call, "logits")),
    adamwUpdate: (call) => {
      const [beta1, beta2, step] = ["beta1", "beta2", "step"].map((name) => numberOf(call, name)) as [
        number,
        number,
        number,
      ];
      const rate = numberOf(call, "learningRate") * numberOf(call, "rateFactor");
      const rates = [rate, beta1, beta2, numberOf(call, "epsilon"), numberOf(call, "weightDecay")];
      const corrections = [1 - beta1 ** step, 1 - beta2 ** step];
      const from = pointers(module, call, "parameter", "gradient", "m", "v", "scale");
      module.call("adamwUpdate", ...from, sizeOf(shapeOf(call, "parameter")), ...rates, ...corrections);
      const { parameter, m, v } = call.inputs;
      return [parameter, m, v].map((input) => takeOver(module, input as TensorInfo));
    },
  };
}
