/** Fields of `config.json` that several backbones have, and what they mean. */
import type { LayerType, LinearName, ModelConfig } from "@sst/layers";
import * as v from "valibot";
import type { Activation, BackboneFeatures, Complaints } from "../backbones/backbone.js";

export const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const tokenId = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Bounded, so that a wild number is refused here and not when memory runs out. */
const layerCount = v.pipe(count, v.maxValue(10_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

/** What all backbones have. */
export const commonFields = {
  model_type: v.string(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: v.nullish(count),
  head_dim: v.nullish(count),
  rms_norm_eps: v.pipe(v.number(), v.gtValue(0)),
  tie_word_embeddings: v.nullish(v.boolean(), false),
  max_position_embeddings: count,
  layer_types: v.nullish(v.array(v.string())),
  quantization_config: v.nullish(v.unknown()),
  bos_token_id: v.nullish(tokenId),
  eos_token_id: v.nullish(v.union([tokenId, v.array(tokenId)])),
  state_stream: v.optional(
    v.strictObject({
      format_version: v.optional(v.number(), 1),
      alpha_min: share,
      alpha_max: share,
      recirculate: v.optional(v.boolean(), false),
    }),
  ),
} as const;

export type CommonFields = v.InferOutput<v.ObjectSchema<typeof commonFields, undefined>>;

/** Fields that say nothing about what a model computes at inference, or nothing for a decoder of text. */
export const harmlessFields: ReadonlySet<string> = new Set(
  `_attn_implementation _attn_implementation_internal _commit_hash _name_or_path add_cross_attention architectures
  attention_dropout attn_implementation auto_map bad_words_ids begin_suppress_tokens boi_token_index bos_token
  cache_implementation chunk_size_feed_forward cross_attention_hidden_size decoder_start_token_id diversity_penalty
  do_sample dtype early_stopping embd_pdrop encoder_no_repeat_ngram_size eoi_token_index exponential_decay_length_penalty
  finetuning_task forced_bos_token_id forced_eos_token_id hidden_dropout id2label image_token_index initializer_range
  is_decoder is_encoder_decoder is_llama_config label2id length_penalty max_length max_window_layers min_length
  mm_tokens_per_image name_or_path no_repeat_ngram_size num_beam_groups num_beams num_return_sequences
  output_attentions output_hidden_states output_scores pad_token_id prefix pretraining_tp problem_type pruned_heads
  remove_invalid_values repetition_penalty resid_pdrop return_dict return_dict_in_generate sep_token_id
  suppress_tokens task_specific_params temperature tf_legacy_loss tie_encoder_decoder tokenizer_class top_k top_p
  torch_dtype torchscript transformers.js_config transformers_version typical_p unsloth_fixed unsloth_version use_bfloat16
  use_cache`.split(/\s+/),
);

/** What most backbones have in the gate. */
export const silu: Activation = { field: "hidden_act", name: "silu" };

export function attentionBiases(areThere: boolean): LinearName[] {
  return areThere ? ["q_proj", "k_proj", "v_proj", "o_proj"] : [];
}

export function feedForwardBiases(areThere: boolean): LinearName[] {
  return areThere ? ["gate_proj", "up_proj", "down_proj"] : [];
}

const layerTypes: readonly string[] = ["full_attention", "sliding_attention"] satisfies LayerType[];

/** The layers' types, as `layer_types` says or else as the backbone has them; undefined where none is sliding. */
export function layerTypesOf(
  raw: Pick<CommonFields, "layer_types" | "num_hidden_layers">,
  isSliding: (layer: number) => boolean,
  { unsupported, bad }: Complaints,
): LayerType[] | undefined {
  const layers = raw.num_hidden_layers;
  const types =
    raw.layer_types ??
    Array.from({ length: layers }, (_, i) => (isSliding(i) ? "sliding_attention" : "full_attention"));
  if (types.length !== layers) bad(`layer_types has ${types.length} entries for ${layers} layers`);
  const unknown = types.find((type) => !layerTypes.includes(type));
  if (unknown !== undefined) unsupported("layer_types", unknown, layerTypes.map((type) => `"${type}"`).join(" or "));
  return types.includes("sliding_attention") ? (types as LayerType[]) : undefined;
}

export function layerTypesToJson({ layerTypes, numHiddenLayers }: ModelConfig): readonly LayerType[] {
  return layerTypes ?? new Array<LayerType>(numHiddenLayers).fill("full_attention");
}

/** Of Qwen, whose window is there and switched off in most models. */
export const qwenFields = {
  use_sliding_window: v.nullish(v.boolean(), false),
  sliding_window: v.nullish(count),
  max_window_layers: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0)), 28),
} as const;

type QwenFields = v.InferOutput<v.ObjectSchema<typeof qwenFields, undefined>>;

/** The layers from `max_window_layers` on slide. */
export function qwenWindow(raw: CommonFields & QwenFields, complain: Complaints): BackboneFeatures {
  const isOn = raw.use_sliding_window && raw.sliding_window != null;
  const layerTypes = layerTypesOf(raw, (layer) => isOn && layer >= raw.max_window_layers, complain);
  if (layerTypes === undefined) return {};
  return {
    layerTypes,
    slidingWindow: raw.sliding_window ?? complain.bad("layer_types slide, but there is no sliding_window"),
  };
}

export function qwenWindowToJson(config: ModelConfig): Record<string, unknown> {
  const { slidingWindow } = config;
  return {
    use_sliding_window: slidingWindow !== undefined,
    sliding_window: slidingWindow ?? null,
    layer_types: layerTypesToJson(config),
  };
}
