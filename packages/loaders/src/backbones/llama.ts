/** Llama 2 and 3, and what has its architecture (SmolLM2, TinyLlama). */
import * as v from "valibot";
import { attentionBiases, feedForwardBiases, silu } from "../formats/hugging-face-fields.js";
import { defineBackbone } from "./backbone.js";

export const llama = defineBackbone({
  modelType: "llama",
  architecture: "LlamaForCausalLM",
  activation: silu,
  fields: {
    attention_bias: v.nullish(v.boolean(), false),
    mlp_bias: v.nullish(v.boolean(), false),
    // Whether rotary pairs are (0, 1), (2, 3), …; SmolLM2 says that they are not.
    rope_interleaved: v.nullish(v.boolean(), false),
  },
  features: (raw, { unsupported }) => {
    if (raw.rope_interleaved) unsupported("rope_interleaved", true, "false");
    const biasedLayers = [...attentionBiases(raw.attention_bias), ...feedForwardBiases(raw.mlp_bias)];
    return biasedLayers.length > 0 ? { biasedLayers } : {};
  },
  toJson: ({ biasedLayers }) => ({
    attention_bias: biasedLayers?.includes("q_proj") ?? false,
    mlp_bias: biasedLayers?.includes("up_proj") ?? false,
  }),
  gguf: { architecture: "llama", interleavesRotaryPairs: true, addsOneToNorms: false },
});
