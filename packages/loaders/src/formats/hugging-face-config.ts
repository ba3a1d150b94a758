/** `config.json`: Hugging Face's fields, in snake case, and ours for the state stream. What backbones differ in is in `backbones/`. */
import type { ModelConfig, StateStreamConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { Backbone, Complaints } from "../backbones/backbone.js";
import { backboneOf, backbones } from "../backbones/index.js";
import { parseJson, requireFields } from "../files/json.js";
import { type CommonFields, commonFields, harmlessFields } from "./hugging-face-fields.js";
import { readRope, ropeFields, ropeToJson } from "./hugging-face-rope.js";

const typeSchema = v.looseObject({ model_type: v.string() });

/** A model that also sees: its text part is a config in the config, with fields left out that are as the library has them. */
const visionSchema = v.looseObject({
  model_type: v.string(),
  text_config: v.looseObject({}),
  quantization_config: v.nullish(v.unknown()),
});

/** @throws SstError `file-corrupt` naming a bad field, `file-unsupported` naming one that asks for what we do not have */
export function readConfig(bytes: Uint8Array, fileName = "config.json"): ModelConfig {
  const complain = complaintsAbout(fileName);
  const raw = textPart(parseJson(bytes, typeSchema, fileName), fileName);
  const backbone = backbones.find(({ modelType }) => modelType === raw.model_type);
  if (backbone === undefined) {
    const known = [...backbones.map(({ modelType }) => `"${modelType}"`), '"gemma3"'].join(", ");
    return complain.unsupported("model_type", raw.model_type, known);
  }
  const complete = { ...backbone.defaults, ...raw };
  requireKnownFields(complete, backbone, complain);
  requireActivation(complete, backbone, complain);
  const schema = v.object({ ...commonFields, ...ropeFields, ...backbone.fields });
  const fields = requireFields(complete, schema, fileName);
  const common = commonConfig(fields, backbone, complain);
  const stream = fields.state_stream;
  return {
    ...common,
    ...readRope(fields, backbone, complain),
    ...backbone.features(fields, complain),
    ...(fields.bos_token_id != null && { bosTokenId: fields.bos_token_id }),
    ...(fields.eos_token_id != null && { eosTokenId: fields.eos_token_id }),
    ...(stream && { stateStream: stateStreamConfig(stream, complain) }),
  };
}

function textPart(raw: Readonly<Record<string, unknown>>, fileName: string): Readonly<Record<string, unknown>> {
  if (raw.model_type !== "gemma3") return raw;
  const { text_config, ...whole } = requireFields(raw, visionSchema, fileName);
  // What stands beside the text part goes for it too.
  const { bos_token_id, eos_token_id, tie_word_embeddings, quantization_config, state_stream } = whole;
  const beside = { bos_token_id, eos_token_id, tie_word_embeddings, quantization_config, state_stream };
  const given = Object.fromEntries(Object.entries(beside).filter(([, value]) => value != null));
  return { ...given, ...text_config, model_type: "gemma3_text" };
}

function requireKnownFields(
  raw: Readonly<Record<string, unknown>>,
  { activation, fields, modelType }: Backbone,
  { unsupported }: Complaints,
): void {
  const known = { ...commonFields, ...ropeFields, ...fields, [activation.field]: activation };
  for (const [field, value] of Object.entries(raw)) {
    // What is switched off asks for nothing.
    if (field in known || harmlessFields.has(field) || value === null || value === false) continue;
    unsupported(
      field,
      value,
      `no such field for "${modelType}" (if it changes nothing of what the model computes, remove it)`,
    );
  }
}

function requireActivation(
  raw: Readonly<Record<string, unknown>>,
  { activation: { field, name } }: Backbone,
  { unsupported }: Complaints,
): void {
  const given = raw[field] ?? name;
  if (given !== name) unsupported(field, given, `"${name}"`);
}

function commonConfig(fields: CommonFields, { modelType }: Backbone, { unsupported, bad }: Complaints) {
  if (fields.quantization_config != null) unsupported("quantization_config", fields.quantization_config, "none");
  const heads = fields.num_attention_heads;
  const keyValueHeads = fields.num_key_value_heads ?? heads;
  if (heads % keyValueHeads !== 0) {
    bad(`num_attention_heads (${heads}) is no multiple of num_key_value_heads (${keyValueHeads})`);
  }
  const headDim = fields.head_dim ?? fields.hidden_size / heads;
  if (headDim % 2 !== 0) bad(`head_dim should be even, but is ${headDim}`);
  return {
    modelType,
    vocabSize: fields.vocab_size,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numHiddenLayers: fields.num_hidden_layers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    rmsNormEps: fields.rms_norm_eps,
    tieWordEmbeddings: fields.tie_word_embeddings,
    maxPositionEmbeddings: fields.max_position_embeddings,
  };
}

function stateStreamConfig(
  raw: NonNullable<CommonFields["state_stream"]>,
  { unsupported, bad }: Complaints,
): StateStreamConfig {
  if (raw.format_version !== 1) unsupported("state_stream.format_version", raw.format_version, "1");
  if (raw.alpha_min > raw.alpha_max) {
    bad(`state_stream.alpha_min (${raw.alpha_min}) is above alpha_max (${raw.alpha_max})`);
  }
  const bounds = { alphaMin: raw.alpha_min, alphaMax: raw.alpha_max };
  return raw.recirculate ? { ...bounds, recirculate: true } : bounds;
}

/** The config as the object that goes into `config.json`. */
export function configToJson(config: ModelConfig): Record<string, unknown> {
  const { stateStream } = config;
  const backbone = backboneOf(config.modelType);
  return {
    architectures: [backbone.architecture],
    model_type: config.modelType,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    rms_norm_eps: config.rmsNormEps,
    ...ropeToJson(config),
    [backbone.activation.field]: backbone.activation.name,
    ...backbone.toJson(config),
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

function complaintsAbout(fileName: string): Complaints {
  return {
    unsupported: (field, value, supported) => {
      throw new SstError(
        "file-unsupported",
        `${fileName}: ${field} is ${JSON.stringify(value)}; supported is ${supported}`,
      );
    },
    bad: (complaint) => {
      throw new SstError("file-corrupt", `${fileName}: ${complaint}`);
    },
  };
}
