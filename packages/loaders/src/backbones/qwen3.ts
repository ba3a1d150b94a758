/** Qwen 3: every head's query and key are normed, and there are no biases unless a config asks for them. */
import * as v from "valibot";
import { attentionBiases, qwenFields, qwenWindow, qwenWindowToJson, silu } from "../formats/hugging-face-fields.js";
import { defineBackbone } from "./backbone.js";

export const qwen3 = defineBackbone({
  modelType: "qwen3",
  architecture: "Qwen3ForCausalLM",
  activation: silu,
  fields: { ...qwenFields, attention_bias: v.nullish(v.boolean(), false) },
  features: (raw, complain) => {
    const biasedLayers = attentionBiases(raw.attention_bias);
    return {
      queryKeyNorm: true,
      ...(biasedLayers.length > 0 && { biasedLayers }),
      ...qwenWindow(raw, complain),
    };
  },
  toJson: (config) => ({
    attention_bias: config.biasedLayers !== undefined,
    ...qwenWindowToJson(config),
  }),
  gguf: { architecture: "qwen3", interleavesRotaryPairs: false, addsOneToNorms: false },
});
