/** Mistral: Llama with a sliding window in every layer (version 0.1; later ones have none). */
import * as v from "valibot";
import { count, layerTypesOf, silu } from "../formats/hugging-face-fields.js";
import { defineBackbone } from "./backbone.js";

export const mistral = defineBackbone({
  modelType: "mistral",
  architecture: "MistralForCausalLM",
  activation: silu,
  fields: { sliding_window: v.nullish(count) },
  features: (raw, complain) => {
    const layerTypes = layerTypesOf(raw, () => raw.sliding_window != null, complain);
    return layerTypes
      ? { layerTypes, slidingWindow: raw.sliding_window ?? complain.bad("sliding_window is missing") }
      : {};
  },
  toJson: ({ slidingWindow }) => ({ sliding_window: slidingWindow ?? null }),
  // llama.cpp knows no window of Mistral's: such a file is Llama's.
  gguf: { architecture: "llama", interleavesRotaryPairs: true, addsOneToNorms: false },
});
