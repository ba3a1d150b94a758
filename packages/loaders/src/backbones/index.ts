/** The backbones that there are. A new one is a file beside this, and a line here. */
import type { ModelType } from "@sst/layers";
import type { Backbone } from "./backbone.js";
import { gemma3 } from "./gemma3.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";

export const backbones: readonly Backbone[] = [llama, mistral, qwen2, qwen3, gemma3];

export function backboneOf(modelType: ModelType): Backbone {
  return backbones.find((backbone) => backbone.modelType === modelType) as Backbone;
}
