/** Both ends of a model, and what only training needs: the embedding and its gradient, cross entropy, the optimiser's update. */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { real } from "../frame.js";
import { Operation } from "../operation.js";
import { addresses, type CoreKernel, numberOf, rowsOf, run, shapeOf, sizeOf } from "./arguments.js";

export const trainingKernels: Readonly<Record<string, CoreKernel>> = {
  embeddingLookup: (frame, call) => {
    const sizes = [sizeOf(shapeOf(call, "tokens")), shapeOf(call, "table")[1] as number];
    return run(frame, call, Operation.embeddingLookup, ["table", "tokens"], sizes);
  },
  embeddingGradient: (frame, call) => {
    const sizes = [sizeOf(shapeOf(call, "tokens")), ...shapeOf(call, "table")];
    return run(frame, call, Operation.embeddingGradient, ["dy", "tokens"], sizes);
  },
  softmaxCrossEntropy: (frame, call) =>
    run(frame, call, Operation.softmaxCrossEntropy, ["logits", "labels"], rowsOf(call, "logits")),
  softmaxCrossEntropyGradient: (frame, call) =>
    run(frame, call, Operation.softmaxCrossEntropyGradient, ["dLoss", "logits", "labels"], rowsOf(call, "logits")),
  adamwUpdate: (frame, call) => {
    const [beta1, beta2, step] = ["beta1", "beta2", "step"].map((name) => numberOf(call, name)) as [
      number,
      number,
      number,
    ];
    const rate = numberOf(call, "learningRate") * numberOf(call, "rateFactor");
    const rates = [rate, beta1, beta2, numberOf(call, "epsilon"), numberOf(call, "weightDecay")];
    const corrections = [1 - beta1 ** step, 1 - beta2 ** step];
    const from = addresses(frame, call, ["parameter", "gradient", "m", "v", "scale"]);
    const numbers = [sizeOf(shapeOf(call, "parameter")), ...[...rates, ...corrections].map(real)];
    frame.step(Operation.adamwUpdate, [...from, ...numbers]);
    const { parameter, m, v } = call.inputs;
    return [parameter, m, v].map((input) => frame.takeOver(input as TensorInfo));
  },
};
