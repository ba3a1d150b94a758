/** Our kernels' implementations: which compiled function runs for which kernel, with which sizes. */
import type { KernelImplementation } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmModule } from "./wasm-module.js";

type Inputs = Readonly<Record<string, TensorInfo>>;

export function createKernels(module: WasmModule): Record<string, KernelImplementation> {
  /** Pointers to the named inputs, in order. */
  const pointers = (inputs: Inputs, ...names: string[]) =>
    names.map((name) => module.pointer(inputs[name] as TensorInfo));
  /** New tensors for the outputs, in the order of the kernel's definition. */
  const allocateAll = (shapes: Readonly<Record<string, number[]>>) =>
    Object.values(shapes).map((shape) => module.allocate(shape));
  const addresses = (infos: readonly TensorInfo[]) => infos.map((info) => module.pointer(info));
  /** An output that takes over the memory of an input that the call uses up. */
  const takeOver = (input: TensorInfo): TensorInfo => {
    module.engine.incRef(input.dataId);
    return { dataId: input.dataId, shape: input.shape, dtype: input.dtype };
  };

  return {
    rmsNorm: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const [rows, size] = rowsOf(inputs.x as TensorInfo);
      module.call(
        "rmsNorm",
        ...pointers(inputs, "x", "weight"),
        ...addresses(outputs),
        rows,
        size,
        epsilonOf(attributes),
      );
      return outputs;
    },
    rmsNormGradient: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const [rows, size] = rowsOf(inputs.x as TensorInfo);
      const from = pointers(inputs, "dy", "x", "weight");
      module.call("rmsNormGradient", ...from, ...addresses(outputs), rows, size, epsilonOf(attributes));
      return outputs;
    },
    gatedActivation: ({ inputs, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      module.call(
        "gatedActivation",
        ...pointers(inputs, "gate", "up"),
        ...addresses(outputs),
        sizeOf(inputs.gate as TensorInfo),
      );
      return outputs;
    },
    gatedActivationGradient: ({ inputs, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const from = pointers(inputs, "dy", "gate", "up");
      module.call("gatedActivationGradient", ...from, ...addresses(outputs), sizeOf(inputs.gate as TensorInfo));
      return outputs;
    },
    rotaryEmbedding: ({ inputs, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const sizes = (inputs.x as TensorInfo).shape;
      module.call("rotaryEmbedding", ...pointers(inputs, "x", "cos", "sin"), ...addresses(outputs), ...sizes);
      return outputs;
    },
    causalAttention: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const { scale, pastLength, iterations } = attributes as { scale: number; pastLength: number; iterations: number };
      const sizes = attentionSizes(inputs);
      const past = inputs.pastK === undefined ? [0, 0] : pointers(inputs, "pastK", "pastV");
      const capacity = inputs.pastK?.shape[1] ?? 0;
      const scratch = module.scratch(module.call("attentionScratchBytes", pastLength, sizes[1]));
      const from = [...pointers(inputs, "q", "k", "v"), ...past];
      module.call(
        "causalAttention",
        ...from,
        ...addresses(outputs),
        ...sizes,
        capacity,
        pastLength,
        iterations,
        scale,
        scratch,
      );
      return outputs;
    },
    causalAttentionGradient: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const { scale, iterations } = attributes as { scale: number; iterations: number };
      const sizes = attentionSizes(inputs);
      const scratch = module.scratch(module.call("attentionScratchBytes", 0, sizes[1]));
      const from = pointers(inputs, "dy", "q", "k", "v");
      module.call("causalAttentionGradient", ...from, ...addresses(outputs), ...sizes, iterations, scale, scratch);
      return outputs;
    },
    stateRecurrence: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const { batch, time, hidden, wide } = recurrenceSizes(inputs);
      const scratch = module.scratch(module.call("stateRecurrenceScratchBytes", batch, hidden, wide));
      const from = pointers(inputs, ...recurrenceInputs);
      module.call(
        "stateRecurrence",
        ...from,
        ...addresses(outputs),
        batch,
        time,
        hidden,
        wide,
        epsilonOf(attributes),
        scratch,
      );
      return outputs;
    },
    stateRecurrenceGradient: ({ inputs, attributes, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const { batch, time, hidden, wide } = recurrenceSizes(inputs);
      const scratch = module.scratch(module.call("stateRecurrenceGradientScratchBytes", batch, time, hidden, wide));
      const from = pointers(inputs, "dy", ...recurrenceInputs, "y");
      const sizes = [batch, time, hidden, wide, epsilonOf(attributes)];
      module.call("stateRecurrenceGradient", ...from, ...addresses(outputs), ...sizes, scratch);
      return outputs;
    },
    embeddingGradient: ({ inputs, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const [vocabulary, size] = (inputs.table as TensorInfo).shape as [number, number];
      const from = pointers(inputs, "dy", "tokens");
      module.call(
        "embeddingGradient",
        ...from,
        ...addresses(outputs),
        sizeOf(inputs.tokens as TensorInfo),
        vocabulary,
        size,
      );
      return outputs;
    },
    softmaxCrossEntropyGradient: ({ inputs, outputShapes }) => {
      const outputs = allocateAll(outputShapes);
      const [rows, vocabulary] = rowsOf(inputs.logits as TensorInfo);
      const from = pointers(inputs, "dLoss", "logits", "labels");
      module.call("softmaxCrossEntropyGradient", ...from, ...addresses(outputs), rows, vocabulary);
      return outputs;
    },
    adamwUpdate: ({ inputs, attributes }) => {
      const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = attributes as Record<
        string,
        number
      >;
      const corrections = [1 - (beta1 as number) ** (step as number), 1 - (beta2 as number) ** (step as number)];
      const rates = [learningRate, beta1, beta2, epsilon, weightDecay, ...corrections, gradientScale] as number[];
      const from = pointers(inputs, "parameter", "gradient", "m", "v");
      module.call("adamwUpdate", ...from, sizeOf(inputs.parameter as TensorInfo), ...rates);
      return [inputs.parameter, inputs.m, inputs.v].map((input) => takeOver(input as TensorInfo));
    },
    cacheWrite: ({ inputs, attributes }) => {
      const { cache, rows } = inputs as { cache: TensorInfo; rows: TensorInfo };
      const [batch, capacity, heads, headDim] = cache.shape as [number, number, number, number];
      const rowFloats = heads * headDim;
      const chunkFloats = (rows.shape[1] as number) * rowFloats;
      const heap = module.heap;
      for (let b = 0; b < batch; b++) {
        const from = module.pointer(rows) + b * chunkFloats * 4;
        const to = module.pointer(cache) + (b * capacity + (attributes.offset as number)) * rowFloats * 4;
        heap.copyWithin(to, from, from + chunkFloats * 4);
      }
      return [takeOver(cache)];
    },
  };
}

const recurrenceInputs = ["a", "alpha", "keep", "initial", "normWeight", "gate", "up", "down"];

function recurrenceSizes(inputs: Inputs): { batch: number; time: number; hidden: number; wide: number } {
  const [batch, time, hidden] = (inputs.a as TensorInfo).shape as [number, number, number];
  return { batch, time, hidden, wide: (inputs.gate as TensorInfo).shape[0] as number };
}

/** batch, time, heads, keyValueHeads, headDim. */
function attentionSizes(inputs: Inputs): [number, number, number, number, number] {
  const [batch, time, heads, headDim] = (inputs.q as TensorInfo).shape as [number, number, number, number];
  return [batch, time, heads, (inputs.k as TensorInfo).shape[2] as number, headDim];
}

function epsilonOf(attributes: Readonly<Record<string, unknown>>): number {
  return attributes.epsilon as number;
}

function sizeOf(info: TensorInfo): number {
  return info.shape.reduce((left, right) => left * right, 1);
}

/** A tensor as rows of its last dimension. */
function rowsOf(info: TensorInfo): [number, number] {
  const size = info.shape.at(-1) as number;
  return [info.shape.slice(0, -1).reduce((left, right) => left * right, 1), size];
}
