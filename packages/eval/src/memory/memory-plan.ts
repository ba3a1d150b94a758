/**
 * What a model needs of a device's memory, from its config alone: before anything is downloaded or loaded. Devices hold
 * float32, or packed weights. Ours.
 */
import { adapterShapes, backboneShapes, isLinear, type LoraConfig, type ModelConfig, streamShapes } from "@sst/layers";
import { packedBytes, type WeightFormat } from "@sst/tensor";
import { adaptedWeights, type KeptOptions, keptPerColumn } from "./kept-activations.js";

export interface MemoryPlanOptions {
  /** Positions that caches hold; defaults to the model's context. */
  readonly context?: number;
  /** Sequences that are decoded at once; defaults to 1. */
  readonly batchSize?: number;
  readonly quantize?: WeightFormat | undefined;
  /** Left out for inference. */
  readonly training?: TrainingMemory;
}

export interface TrainingMemory extends Pick<KeptOptions, "solver" | "recompute"> {
  /** Which parameters change. */
  readonly train: "all" | "adapters" | "theta";
  /** With `adapters`. */
  readonly lora?: LoraConfig;
  /** Rows that go through the model at once, and their length. */
  readonly batchSize: number;
  readonly time: number;
}

export interface MemoryPart {
  readonly name:
    | "weights"
    | "stream"
    | "adapters"
    | "kv-cache"
    | "latent-state-cache"
    | "gradients"
    | "optimiser"
    | "activations";
  readonly sizeBytes: number;
  /** In words, what it is made of. */
  readonly what: string;
}

export interface MemoryPlan {
  readonly parameters: {
    readonly backbone: number;
    readonly stream: number;
    readonly adapters: number;
    readonly trained: number;
  };
  readonly parts: readonly MemoryPart[];
  readonly totalBytes: number;
  /** What has to lie in one piece. */
  readonly largest: { readonly name: string; readonly sizeBytes: number };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Bytes of a number on a device. */
const FLOAT = 4;

/** Everything that lies on a device at the same time while a model runs, or while it is trained. */
export function planMemory(config: ModelConfig, options: MemoryPlanOptions = {}): MemoryPlan {
  const { training, quantize } = options;
  const lora = training?.train === "adapters" ? training.lora : undefined;
  const backbone = placed(backboneShapes(config), config, quantize);
  const stream = streamShapes(config);
  const adapters = lora ? adapterShapes(config, lora) : {};
  const trained = trainedShapes(config, stream, adapters, training);
  const all: MemoryPart[] = [
    {
      name: "weights",
      sizeBytes: total(backbone),
      what: quantize ? `${quantize}, embedding and norms in float32` : "float32",
    },
    { name: "stream", sizeBytes: FLOAT * count(stream), what: "one theta per layer and dimension" },
    ...(lora
      ? [{ name: "adapters" as const, sizeBytes: FLOAT * count(adapters), what: `LoRA of rank ${lora.rank}` }]
      : []),
    ...(training ? trainingParts(config, training, trained, options) : inferenceParts(config, options)),
  ];
  const parts = all.filter(({ sizeBytes }) => sizeBytes > 0);
  const pieces = { ...backbone, ...largePieces(config, options) };
  const [name, sizeBytes] = Object.entries(pieces).reduce((best, piece) => (piece[1] > best[1] ? piece : best));
  return {
    parameters: {
      backbone: count(backboneShapes(config)),
      stream: count(stream),
      adapters: count(adapters),
      trained: count(trained),
    },
    parts,
    totalBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    largest: { name, sizeBytes },
  };
}

/** Bytes of the latent state cache of one sequence, whatever its context (paper: 651 KiB for 62 layers of 5,376 in bfloat16). */
export function latentStateBytes({ numHiddenLayers, hiddenSize }: ModelConfig, bytesPerNumber = FLOAT): number {
  return numHiddenLayers * hiddenSize * bytesPerNumber;
}

/** Bytes of every tensor of the backbone, and of the packed copy of an embedding that is also the head. */
function placed(shapes: Shapes, config: ModelConfig, quantize: WeightFormat | undefined): Record<string, number> {
  const bytes = Object.entries(shapes).map(([name, shape]): [string, number] => {
    const isMatrix = isLinear(name);
    const isPacked = quantize !== undefined && isMatrix;
    return [name, isPacked ? packedBytes(quantize, shape as [number, number]) : FLOAT * sizeOf(shape)];
  });
  const copy = quantize && config.tieWordEmbeddings && packedBytes(quantize, [config.vocabSize, config.hiddenSize]);
  return { ...Object.fromEntries(bytes), ...(copy && { "the head's packed copy of the embedding": copy }) };
}

function inferenceParts(config: ModelConfig, options: MemoryPlanOptions): MemoryPart[] {
  const { batchSize = 1, context = config.maxPositionEmbeddings } = options;
  const states = latentStateBytes(config);
  return [
    {
      name: "kv-cache",
      sizeBytes: 2 * config.numHiddenLayers * cacheBytes(config, options),
      what: `keys and values of ${context} positions${times(batchSize)}, float32`,
    },
    {
      name: "latent-state-cache",
      sizeBytes: batchSize * states,
      what: `a state per layer${times(batchSize)}, float32, whatever the context`,
    },
  ];
}

/** Keys, or values, of one layer. */
function cacheBytes(
  config: ModelConfig,
  { batchSize = 1, context = config.maxPositionEmbeddings }: MemoryPlanOptions,
): number {
  return FLOAT * batchSize * context * config.numKeyValueHeads * config.headDim;
}

function times(count: number): string {
  return count === 1 ? "" : `, ${count} times`;
}

function trainedShapes(
  config: ModelConfig,
  stream: Shapes,
  adapters: Shapes,
  training: TrainingMemory | undefined,
): Shapes {
  if (training === undefined) return {};
  if (training.train === "theta") return stream;
  return training.train === "adapters" ? { ...adapters, ...stream } : { ...backboneShapes(config), ...stream };
}

function trainingParts(
  config: ModelConfig,
  { train, lora, batchSize, time, solver, recompute }: TrainingMemory,
  trained: Shapes,
  { quantize }: MemoryPlanOptions,
): MemoryPart[] {
  const adapted = train === "adapters" && lora ? lora : undefined;
  const isPacked = quantize !== undefined;
  const merged = adapted && !isPacked ? adaptedWeights(config, adapted) : 0;
  const kept = keptPerColumn(config, { solver, recompute, isPacked, lora: adapted });
  const columns = batchSize * time;
  const merging = merged > 0 ? ", and the adapters merged into the weights, by three steps" : "";
  return [
    {
      name: "gradients",
      sizeBytes: FLOAT * (count(trained) + merged),
      what: `of what is trained${merged > 0 ? ", and of the weights that adapters are merged into" : ""}`,
    },
    { name: "optimiser", sizeBytes: 2 * FLOAT * count(trained), what: "AdamW's two moments" },
    {
      name: "activations",
      sizeBytes: FLOAT * (columns * (kept + workingNumbers(config)) + 3 * merged),
      what: `of ${columns} positions${recompute ? ", layers computed again" : ""}, with the backward pass of a layer${merging}`,
    },
  ];
}

/** The most that the backward pass has beside what was kept: the gradient of the logits, or a layer's gradients. */
function workingNumbers({ vocabSize, hiddenSize, intermediateSize }: ModelConfig): number {
  return Math.max(vocabSize, 6 * hiddenSize + 5 * intermediateSize);
}

/** Of what comes beside weights, each as large as it has to lie in one piece. */
function largePieces(config: ModelConfig, options: MemoryPlanOptions): Record<string, number> {
  const { training } = options;
  if (training === undefined) return { "a layer's keys": cacheBytes(config, options) };
  return { "the logits of a batch": FLOAT * training.batchSize * training.time * config.vocabSize };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((left, right) => left * right, 1);
}

function count(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + sizeOf(shape), 0);
}

function total(bytes: Readonly<Record<string, number>>): number {
  return Object.values(bytes).reduce((sum, size) => sum + size, 0);
}
