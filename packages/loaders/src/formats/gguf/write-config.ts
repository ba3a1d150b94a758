/** A config as the metadata of a GGUF file, the other way round of `read-config.ts`. */
import { GGUFValueType } from "@huggingface/gguf";
import type { ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { architectures } from "./architectures.js";
import { Metadata } from "./metadata.js";
import { readGgufConfig } from "./read-config.js";

/** Keys with their values and GGUF's types of these. */
export type TypedMetadata = Record<string, { value: unknown; type: GGUFValueType; subType?: GGUFValueType }>;

export const text = (value: string) => ({ value, type: GGUFValueType.STRING });
export const whole = (value: number) => ({ value, type: GGUFValueType.UINT32 });
export const real = (value: number) => ({ value, type: GGUFValueType.FLOAT32 });
export const flag = (value: boolean) => ({ value, type: GGUFValueType.BOOL });
export const list = (value: unknown[], subType: GGUFValueType) => ({ value, type: GGUFValueType.ARRAY, subType });

/**
 * @throws SstError `file-unsupported` naming a field that GGUF cannot say: what is read back has to be the same model
 */
export function configMetadata(config: ModelConfig): TypedMetadata {
  const written = metadataOf(config);
  requireSameModel(config, written);
  return written;
}

function metadataOf(config: ModelConfig): TypedMetadata {
  const { architecture } = architectures[config.modelType];
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
      ["eos", "eot", "eom"].slice(0, ends.length).map((name, index) => [
        `tokenizer.ggml.${name}_token_id`,
        whole(ends[index] as number),
      ]),
    ),
  };
}

function requireSameModel(config: ModelConfig, written: TypedMetadata): void {
  const values = Object.fromEntries(Object.entries(written).map(([key, { value, type }]) => [
    key,
    type === GGUFValueType.FLOAT32 ? Math.fround(value as number) : value,
  ]));
  const tensors = new Map([["token_embd.weight", { shape: [config.vocabSize, config.hiddenSize] }]]);
  if (!config.tieWordEmbeddings) tensors.set("output.weight", { shape: [config.vocabSize, config.hiddenSize] });
  if (config.biasedLayers?.includes("q_proj")) tensors.set("blk.0.attn_q.bias", { shape: [] });
  const { ropeScaling } = config;
  const factors = ropeScaling?.ropeType === "llama3" ? () => ropeScaling : undefined;
  const read = readGgufConfig(new Metadata(values, "GGUF"), tensors, factors);
  const { stateStream: _, ...expected } = config;
  // Without its window, a Mistral is a Llama in all but its name.
  const found = expected.modelType === "mistral" ? { ...read, modelType: "mistral" } : read;
  for (const field of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [given, back] = [expected, found].map((each) => JSON.stringify((each as Record<string, unknown>)[field]));
    if (given === back) continue;
    throw new SstError(
      "file-unsupported",
      `a GGUF file of the architecture "${architectures[config.modelType].architecture}" cannot say that ${field} is ` +
        `${given}: it would be read as ${back}. Write safetensors instead`,
    );
  }
}
