/** A config as the metadata of a GGUF file, the other way round of `read-config.ts`. */
import { backboneShapes, type ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { backboneOf } from "../../backbones/index.js";
import { Metadata } from "./metadata.js";
import { endNames, readGgufConfig } from "./read-config.js";
import { ggufName } from "./tensor-names.js";
import { type ValueType, valueTypes } from "./value-types.js";

/** Keys with their values and GGUF's types of these. */
export type TypedMetadata = Record<string, { value: unknown; type: ValueType; subType?: ValueType }>;

export const text = (value: string) => ({ value, type: valueTypes.text });
export const whole = (value: number) => ({ value, type: valueTypes.uint32 });
export const real = (value: number) => ({ value, type: valueTypes.float32 });
export const flag = (value: boolean) => ({ value, type: valueTypes.bool });
export const list = (value: unknown[], subType: ValueType) => ({ value, type: valueTypes.list, subType });

/**
 * @throws SstError `file-unsupported` naming a field that GGUF cannot say: what is read back has to be the same model
 */
export function configMetadata(config: ModelConfig): TypedMetadata {
  const written = metadataOf(config);
  requireSameModel(config, written);
  return written;
}

function metadataOf(config: ModelConfig): TypedMetadata {
  const { architecture } = backboneOf(config.modelType).gguf;
  const { ropeScaling, slidingWindow } = config;
  const ends = [config.eosTokenId ?? []].flat();
  const ofModel: TypedMetadata = {
    context_length: whole(config.maxPositionEmbeddings),
    embedding_length: whole(config.hiddenSize),
    block_count: whole(config.numHiddenLayers),
    feed_forward_length: whole(config.intermediateSize),
    "attention.head_count": whole(config.numAttentionHeads),
    "attention.head_count_kv": whole(config.numKeyValueHeads),
    "attention.key_length": whole(config.headDim),
    "attention.value_length": whole(config.headDim),
    "attention.layer_norm_rms_epsilon": real(config.rmsNormEps),
    "rope.dimension_count": whole(config.headDim),
    "rope.freq_base": real(config.ropeTheta),
    vocab_size: whole(config.vocabSize),
    ...(ropeScaling?.ropeType === "linear" && {
      "rope.scaling.type": text("linear"),
      "rope.scaling.factor": real(ropeScaling.factor),
    }),
    ...(slidingWindow !== undefined && { "attention.sliding_window": whole(slidingWindow) }),
  };
  return {
    "general.architecture": text(architecture),
    ...Object.fromEntries(Object.entries(ofModel).map(([key, entry]) => [`${architecture}.${key}`, entry])),
    ...(config.bosTokenId !== undefined && { "tokenizer.ggml.bos_token_id": whole(config.bosTokenId) }),
    ...Object.fromEntries(
      endNames
        .slice(0, ends.length)
        .map((name, index) => [`tokenizer.ggml.${name}_token_id`, whole(ends[index] as number)]),
    ),
  };
}

function requireSameModel(config: ModelConfig, written: TypedMetadata): void {
  const { architecture } = backboneOf(config.modelType).gguf;
  const expected = comparable(config);
  const found = comparable(readGgufConfig(new Metadata(asRead(written), "GGUF"), tellingTensors(config)));
  for (const field of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [given, back] = [expected, found].map((each) => JSON.stringify(each[field]));
    if (given === back) continue;
    throw new SstError(
      "file-unsupported",
      `a GGUF file of the architecture "${architecture}" cannot say that ${field} is ${given}: it would be read as ` +
        `${back}. Write safetensors instead`,
    );
  }
}

function asRead(written: TypedMetadata): Record<string, unknown> {
  const rounded = (type: ValueType, value: unknown) =>
    type === valueTypes.float32 ? Math.fround(value as number) : value;
  return Object.fromEntries(Object.entries(written).map(([key, { value, type }]) => [key, rounded(type, value)]));
}

/** Those that a part of the config is read from. */
function tellingTensors(config: ModelConfig): Map<string, { shape: readonly number[] }> {
  const names = Object.entries(backboneShapes(config)).map(
    ([name, shape]) => [ggufName(name, config), { shape }] as const,
  );
  return new Map(names);
}

/** What the metadata are to say. What is left out stands elsewhere: the stream in its file, Llama 3's scaling in a tensor. */
function comparable({ stateStream, ropeScaling, modelType, ...config }: ModelConfig): Record<string, unknown> {
  const { architecture } = backboneOf(modelType).gguf;
  const isInTensor = ropeScaling?.ropeType === "llama3" && architecture === "llama";
  // Without its window, a Mistral is a Llama in all but its name.
  const type = modelType === "mistral" && config.slidingWindow === undefined ? "llama" : modelType;
  return { ...config, modelType: type, ...(ropeScaling && !isInTensor && { ropeScaling }) };
}
