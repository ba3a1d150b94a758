/** `config.json`: Hugging Face's fields, in snake case, and ours for the state stream. */
import type { ModelConfig, StateStreamConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const tokenId = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Bounded, so that a wild number is refused here and not when memory runs out. */
const layerCount = v.pipe(count, v.maxValue(10_000));
const theta = v.pipe(v.number(), v.gtValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

const configSchema = v.object({
  model_type: v.string(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: v.optional(count),
  head_dim: v.nullish(count),
  rms_norm_eps: v.pipe(v.number(), v.gtValue(0)),
  rope_theta: v.nullish(theta),
  rope_scaling: v.optional(v.unknown()),
  // Where transformers 5 writes both of the fields above.
  rope_parameters: v.nullish(v.object({ rope_type: v.optional(v.string(), "default"), rope_theta: v.nullish(theta) })),
  partial_rotary_factor: v.nullish(v.number(), 1),
  quantization_config: v.optional(v.unknown()),
  tie_word_embeddings: v.optional(v.boolean(), false),
  max_position_embeddings: count,
  hidden_act: v.optional(v.string(), "silu"),
  attention_bias: v.optional(v.boolean(), false),
  mlp_bias: v.optional(v.boolean(), false),
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
});

/** @throws SstError `file-corrupt` naming a bad field, `file-unsupported` naming one that asks for what we do not have */
export function readConfig(bytes: Uint8Array, fileName = "config.json"): ModelConfig {
  const raw = parseJson(bytes, configSchema, fileName);
  const unsupported = (field: string, value: unknown, known: string) =>
    new SstError("file-unsupported", `${fileName}: ${field} is ${JSON.stringify(value)}; supported is ${known}`);
  if (raw.model_type !== "llama") throw unsupported("model_type", raw.model_type, '"llama"');
  if (raw.hidden_act !== "silu") throw unsupported("hidden_act", raw.hidden_act, '"silu"');
  if (raw.rope_scaling != null) throw unsupported("rope_scaling", raw.rope_scaling, "none");
  const rope = raw.rope_parameters;
  if (rope && rope.rope_type !== "default") throw unsupported("rope_parameters.rope_type", rope.rope_type, '"default"');
  if (raw.partial_rotary_factor !== 1) throw unsupported("partial_rotary_factor", raw.partial_rotary_factor, "1");
  if (raw.quantization_config != null) throw unsupported("quantization_config", raw.quantization_config, "none");
  if (raw.attention_bias) throw unsupported("attention_bias", true, "false");
  if (raw.mlp_bias) throw unsupported("mlp_bias", true, "false");
  if (raw.state_stream && raw.state_stream.format_version !== 1) {
    throw unsupported("state_stream.format_version", raw.state_stream.format_version, "1");
  }
  const keyValueHeads = raw.num_key_value_heads ?? raw.num_attention_heads;
  if (raw.num_attention_heads % keyValueHeads !== 0) {
    throw bad(
      fileName,
      `num_attention_heads (${raw.num_attention_heads}) is no multiple of num_key_value_heads (${keyValueHeads})`,
    );
  }
  const ropeTheta = raw.rope_theta ?? rope?.rope_theta ?? 10_000;
  if (rope?.rope_theta != null && rope.rope_theta !== ropeTheta) {
    throw bad(fileName, `rope_theta is ${ropeTheta}, but rope_parameters.rope_theta is ${rope.rope_theta}`);
  }
  const headDim = raw.head_dim ?? raw.hidden_size / raw.num_attention_heads;
  if (headDim % 2 !== 0) throw bad(fileName, `head_dim should be even, but is ${headDim}`);
  const stream = raw.state_stream;
  if (stream && stream.alpha_min > stream.alpha_max) {
    throw bad(fileName, `state_stream.alpha_min (${stream.alpha_min}) is above alpha_max (${stream.alpha_max})`);
  }
  return {
    modelType: "llama",
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    numHiddenLayers: raw.num_hidden_layers,
    numAttentionHeads: raw.num_attention_heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    rmsNormEps: raw.rms_norm_eps,
    ropeTheta,
    tieWordEmbeddings: raw.tie_word_embeddings,
    maxPositionEmbeddings: raw.max_position_embeddings,
    ...(raw.bos_token_id != null && { bosTokenId: raw.bos_token_id }),
    ...(raw.eos_token_id != null && { eosTokenId: raw.eos_token_id }),
    ...(stream && { stateStream: stateStreamConfig(stream) }),
  };
}

function stateStreamConfig(raw: { alpha_min: number; alpha_max: number; recirculate: boolean }): StateStreamConfig {
  const bounds = { alphaMin: raw.alpha_min, alphaMax: raw.alpha_max };
  return raw.recirculate ? { ...bounds, recirculate: true } : bounds;
}

/** The config as the object that goes into `config.json`. */
export function configToJson(config: ModelConfig): Record<string, unknown> {
  const { stateStream } = config;
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: config.modelType,
    hidden_act: "silu",
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieWordEmbeddings,
    max_position_embeddings: config.maxPositionEmbeddings,
    torch_dtype: "float32",
    ...(config.bosTokenId !== undefined && { bos_token_id: config.bosTokenId }),
    ...(config.eosTokenId !== undefined && { eos_token_id: config.eosTokenId }),
    ...(stateStream && {
      state_stream: {
        format_version: 1,
        alpha_min: stateStream.alphaMin,
        alpha_max: stateStream.alphaMax,
        // Older readers refuse what they do not know: told only where it is on.
        ...(stateStream.recirculate && { recirculate: true }),
      },
    }),
  };
}

function bad(fileName: string, complaint: string): SstError {
  return new SstError("file-corrupt", `${fileName}: ${complaint}`);
}
