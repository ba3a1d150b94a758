/** Qwen 2 and 2.5: biases of queries, keys and values; a sliding window in the upper layers where it is switched on. */
import type { LinearName } from "@sst/layers";
import { qwenFields, qwenWindow, qwenWindowToJson, silu } from "../formats/hugging-face-fields.js";
import { defineBackbone } from "./backbone.js";

const biasedLayers: readonly LinearName[] = ["q_proj", "k_proj", "v_proj"];

export const qwen2 = defineBackbone({
  modelType: "qwen2",
  architecture: "Qwen2ForCausalLM",
  activation: silu,
  fields: qwenFields,
  features: (raw, complain) => ({ biasedLayers, ...qwenWindow(raw, complain) }),
  toJson: qwenWindowToJson,
  gguf: { architecture: "qwen2", interleavesRotaryPairs: false, addsOneToNorms: false },
});
