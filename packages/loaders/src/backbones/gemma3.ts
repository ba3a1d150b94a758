/**
 * Gemma 3, its text part: norms of queries, keys and outputs, all as 1 + weight; five sliding layers to each that sees
 * everything, with a rotary base of their own; scaled embeddings; GELU in the gate. Models that also see keep this part in
 * `text_config`, and its tensors below a prefix.
 */
import * as v from "valibot";
import { attentionBiases, count, layerTypesOf, layerTypesToJson } from "../formats/hugging-face-fields.js";
import { defineBackbone } from "./backbone.js";

const visionParts = /^(model\.)?(vision_tower|multi_modal_projector)\./;

export const gemma3 = defineBackbone({
  modelType: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  activation: { field: "hidden_activation", name: "gelu_pytorch_tanh" },
  // Published configs leave out what is as the library has it.
  defaults: {
    vocab_size: 262_208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
  },
  ropeTheta: { full: 1_000_000, local: 10_000 },
  fields: {
    // Older Gemmas have it beside the other one; the library goes by `hidden_activation` alone.
    hidden_act: v.nullish(v.string()),
    query_pre_attn_scalar: v.nullish(v.pipe(v.number(), v.gtValue(0)), 256),
    sliding_window: v.nullish(count, 4096),
    sliding_window_pattern: v.nullish(count, 6),
    _sliding_window_pattern: v.nullish(count),
    attention_bias: v.nullish(v.boolean(), false),
    attn_logit_softcapping: v.nullish(v.number()),
    final_logit_softcapping: v.nullish(v.number()),
    use_bidirectional_attention: v.nullish(v.union([v.boolean(), v.string()]), false),
  },
  features: (raw, complain) => {
    const { unsupported } = complain;
    for (const field of ["attn_logit_softcapping", "final_logit_softcapping"] as const) {
      if (raw[field] != null) unsupported(field, raw[field], "null");
    }
    if (raw.use_bidirectional_attention) unsupported("use_bidirectional_attention", true, "false");
    const pattern = raw._sliding_window_pattern ?? raw.sliding_window_pattern;
    const layerTypes = layerTypesOf(raw, (layer) => (layer + 1) % pattern !== 0, complain);
    const biasedLayers = attentionBiases(raw.attention_bias);
    return {
      hiddenActivation: "gelu_pytorch_tanh",
      queryKeyNorm: true,
      unitOffsetNorm: true,
      outputNorms: true,
      embeddingScale: Math.sqrt(raw.hidden_size),
      queryPreAttnScalar: raw.query_pre_attn_scalar,
      ...(layerTypes && { layerTypes, slidingWindow: raw.sliding_window }),
      ...(biasedLayers.length > 0 && { biasedLayers }),
    };
  },
  toJson: (config) => ({
    query_pre_attn_scalar: config.queryPreAttnScalar,
    attention_bias: config.biasedLayers !== undefined,
    ...(config.slidingWindow !== undefined && { sliding_window: config.slidingWindow }),
    layer_types: layerTypesToJson(config),
  }),
  tensorName: (name) => {
    if (visionParts.test(name)) return undefined;
    return name.replace(/^language_model\.(model|lm_head)\./, "$1.").replace(/^model\.language_model\./, "model.");
  },
  gguf: { architecture: "gemma3", interleavesRotaryPairs: false, addsOneToNorms: true },
});
