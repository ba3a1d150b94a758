/**
 * What the tape of a training step keeps for the backward pass, in numbers per column (a position, or an iteration of one):
 * what the forward pass of `@sst/layers` leaves, counted operation by operation, with gradients through the last sweep or
 * pass alone. The test holds it against what a device has in use.
 */
import { isTarget, type LinearName, type LoraConfig, linearModules, linearShapes, type ModelConfig } from "@sst/layers";

export interface KeptOptions {
  readonly solver: "sequential" | "layerwise" | "two-pass" | "off";
  /** Layers are computed again in the backward pass. */
  readonly recompute: boolean;
  /** Whether linear layers are packed, so that adapters stand beside them. */
  readonly isPacked: boolean;
  readonly lora?: LoraConfig | undefined;
}

/** Of all layers and what is above and below them. */
export function keptPerColumn(config: ModelConfig, options: KeptOptions): number {
  const { hiddenSize, vocabSize, numHiddenLayers, embeddingScale } = config;
  // Embedding, final norm and logits.
  const outside = (embeddingScale === undefined ? 2 : 3) * hiddenSize + vocabSize;
  if (options.recompute) return outside + numHiddenLayers * hiddenSize;
  const layers = Array.from({ length: numHiddenLayers }, (_, layer) => keptByLayer(config, layer, options));
  return outside + layers.reduce((left, right) => left + right, 0);
}

function keptByLayer(config: ModelConfig, layer: number, { solver, isPacked, lora }: KeptOptions): number {
  const { hiddenSize, intermediateSize, headDim, outputNorms, biasedLayers = [] } = config;
  const queries = config.numAttentionHeads * headDim;
  const keys = config.numKeyValueHeads * headDim;
  const isFused = solver === "sequential";
  // The norm, what is added, and the sum; queries projected, turned and attended, keys projected and turned, values.
  const attention = 3 * hiddenSize + 3 * queries + 3 * keys + (outputNorms ? hiddenSize : 0);
  // The exact solver keeps its states alone; a sweep the norm, gate, up and their product, what is added, and the sum.
  const plain = 3 * hiddenSize + 3 * intermediateSize + (outputNorms ? hiddenSize : 0);
  const blend = solver === "off" ? 0 : 2 * hiddenSize;
  const network = isFused ? hiddenSize : plain + blend;
  const ofLinears = Object.entries(linearShapes(config)).map(([name, { parent, shape }]) => {
    if (isFused && parent === "mlp") return 0;
    const [outSize] = shape;
    const isAdapted = lora !== undefined && isTarget(lora, `model.layers.${layer}.${parent}.${name}`);
    // Beside a packed weight: through the adapter, scaled, and the sum.
    const adapter = isAdapted && isPacked ? 3 * outSize + lora.rank : 0;
    return adapter + (biasedLayers.includes(name as LinearName) ? outSize : 0);
  });
  return attention + network + ofLinears.reduce((left, right) => left + right, 0);
}

/** Numbers in the matrices that have adapters: each is merged into a copy, by way of the product and its multiple. */
export function adaptedWeights(config: ModelConfig, lora: LoraConfig): number {
  const shapes = linearShapes(config);
  const sizes = linearModules(config).map((module) => {
    const [outSize, inSize] = shapes[module.split(".").at(-1) as LinearName].shape;
    return isTarget(lora, module) ? outSize * inSize : 0;
  });
  return sizes.reduce((left, right) => left + right, 0);
}
