/** Hugging Face's names of parameters as GGUF has them, and how their values differ. */
import type { ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { backboneOf } from "../../backbones/index.js";

export const ropeFactorsName = "rope_freqs.weight";

const topNames: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

const layerNames: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

/** Where the outputs of attention and feed-forward network are normed, one name means another norm. */
const layerNamesWithOutputNorms: Readonly<Record<string, string>> = {
  ...layerNames,
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
};

/** `model.layers.0.mlp.up_proj.weight` is `blk.0.ffn_up.weight` there. @throws SstError `file-unsupported` for others */
export function ggufName(name: string, config: ModelConfig): string {
  const [, module = "", kind] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer, part = ""] = /^model\.layers\.(\d+)\.(.*)$/.exec(module) ?? [];
  const names = config.outputNorms ? layerNamesWithOutputNorms : layerNames;
  const found = layer === undefined ? topNames[module] : names[part];
  if (found === undefined) throw new SstError("file-unsupported", `GGUF has no name for the parameter "${name}"`);
  return layer === undefined ? `${found}.${kind}` : `blk.${layer}.${found}.${kind}`;
}

/** Whether a parameter's rows are in another order: those of q and k, for some architectures. */
export function hasPairedRows(name: string, { modelType }: ModelConfig): boolean {
  return backboneOf(modelType).gguf.interleavesRotaryPairs && /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(name);
}

/** Whether the file has 1 + what we have. */
export function isOneMore(name: string, { modelType }: ModelConfig): boolean {
  return backboneOf(modelType).gguf.addsOneToNorms && /norm\.weight$/.test(name);
}
