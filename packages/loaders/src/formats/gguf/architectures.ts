/** How GGUF files hold each backbone. */
import type { ModelType } from "@sst/layers";
import type { GgufNames } from "../../backbones/backbone.js";

/** Mistral's files say "llama", with Llama's order of rows. */
export const architectures: Readonly<Record<ModelType, GgufNames>> = {
  llama: { architecture: "llama", interleavesRotaryPairs: true, addsOneToNorms: false },
  mistral: { architecture: "llama", interleavesRotaryPairs: true, addsOneToNorms: false },
  qwen2: { architecture: "qwen2", interleavesRotaryPairs: false, addsOneToNorms: false },
  qwen3: { architecture: "qwen3", interleavesRotaryPairs: false, addsOneToNorms: false },
  gemma3_text: { architecture: "gemma3", interleavesRotaryPairs: false, addsOneToNorms: true },
};
