/** The metadata of a GGUF file as the fields of a `config.json`, which the one reader of configs then reads. */
import type { ModelConfig, ModelType, RopeScaling } from "@sst/layers";
import { jsonBytes } from "../../files/json.js";
import { readConfig } from "../hugging-face-config.js";
import { architectures } from "./architectures.js";
import { corrupt, unsupported } from "./errors.js";
import type { TensorPlace } from "./header.js";
import type { Metadata } from "./metadata.js";

/** What these keys ask for is not computed; with their neutral value they ask for nothing. */
const unsupportedKeys: Readonly<Record<string, unknown>> = {
  expert_count: 0,
  "attention.causal": true,
  "attention.clamp_kqv": 0,
  "attention.scale": 0,
  attn_logit_softcapping: 0,
  final_logit_softcapping: 0,
  embedding_scale: 0,
  residual_scale: 0,
  logit_scale: 0,
};

/** Gemma 3: five sliding layers, then one that sees everything; llama.cpp has no other pattern. */
export const GEMMA_PATTERN = 6;
/** The base of Gemma's sliding layers, which llama.cpp takes for granted. */
export const GEMMA_LOCAL_BASE = 10_000;
/** The number of layers by which llama.cpp knows the one Gemma 3 with another scale of scores. */
export const GEMMA_27B_LAYERS = 62;

/**
 * @param tensors by GGUF's names: some of what a config says is said by them
 * @param ropeFactors what they were made from, where there are any
 * @throws SstError `file-corrupt` naming what is missing or wrong, `file-unsupported` naming what we do not have
 */
export function readGgufConfig(
  metadata: Metadata,
  tensors: ReadonlyMap<string, Pick<TensorPlace, "shape">>,
  ropeFactors?: (frequencies: { headDim: number; ropeTheta: number }) => RopeScaling,
): ModelConfig {
  const { fileName } = metadata;
  const architecture = metadata.required("general.architecture", metadata.text("general.architecture"));
  if (!Object.values(architectures).some((known) => known.architecture === architecture)) {
    const known = new Set(Object.values(architectures).map((each) => each.architecture));
    throw unsupported(fileName, `general.architecture is "${architecture}"; supported are ${[...known].join(", ")}`);
  }
  const key = (name: string) => `${architecture}.${name}`;
  for (const [name, neutral] of Object.entries(unsupportedKeys)) {
    const found = metadata.raw(key(name));
    if (found === undefined || found === neutral) continue;
    throw unsupported(fileName, `the metadata "${key(name)}" is ${found}; supported is ${neutral}`);
  }
  const whole = (name: string) => metadata.whole(key(name));
  const required = (name: string) => metadata.required(key(name), whole(name));
  const embedding = tensors.get("token_embd.weight");
  if (embedding === undefined) throw corrupt(fileName, 'it lacks the tensor "token_embd.weight"');
  const [hidden, heads, layers] = ["embedding_length", "attention.head_count", "block_count"].map(required) as [
    number,
    number,
    number,
  ];
  const headDim = whole("attention.key_length") ?? hidden / heads;
  requireWholeHeads(metadata, key, headDim);
  const ropeTheta = metadata.real(key("rope.freq_base")) ?? 10_000;
  const scaling = readScaling(metadata, key, () => ropeFactors?.({ headDim, ropeTheta }));
  const slidingWindow = whole("attention.sliding_window");
  const endIds = ["eos", "eot", "eom"].map((name) => metadata.whole(`tokenizer.ggml.${name}_token_id`));
  const ends = [...new Set(endIds.filter((id) => id !== undefined))];
  const json = {
    model_type: modelTypeOf(architecture, slidingWindow),
    vocab_size: embedding.shape[0],
    hidden_size: hidden,
    intermediate_size: required("feed_forward_length"),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: whole("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: metadata.required(
      key("attention.layer_norm_rms_epsilon"),
      metadata.real(key("attention.layer_norm_rms_epsilon")),
    ),
    rope_theta: ropeTheta,
    ...(scaling && { rope_scaling: scalingJson(scaling) }),
    tie_word_embeddings: !tensors.has("output.weight"),
    max_position_embeddings: required("context_length"),
    bos_token_id: metadata.whole("tokenizer.ggml.bos_token_id"),
    eos_token_id: ends.length > 1 ? ends : ends[0],
    ...(slidingWindow && { sliding_window: slidingWindow }),
    ...(tensors.has("blk.0.attn_q.bias") && architecture === "llama" && { attention_bias: true }),
    ...(architecture === "gemma3" && gemmaFields(layers, layers === GEMMA_27B_LAYERS ? hidden / heads : headDim)),
    ...(architecture === "gemma3" && { rope_local_base_freq: metadata.real(key("rope.freq_base_swa")) ?? GEMMA_LOCAL_BASE }),
  };
  return readConfig(jsonBytes(json), fileName);
}

/** A Mistral says that it is a Llama, and llama.cpp keeps nothing of its window: only we write that. */
function modelTypeOf(architecture: string, slidingWindow: number | undefined): ModelType {
  if (architecture === "llama") return slidingWindow ? "mistral" : "llama";
  const [modelType] = Object.entries(architectures).find(([, known]) => known.architecture === architecture) as [
    ModelType,
    unknown,
  ];
  return modelType;
}

function requireWholeHeads(metadata: Metadata, key: (name: string) => string, headDim: number): void {
  for (const name of ["attention.value_length", "rope.dimension_count"]) {
    const found = metadata.whole(key(name));
    if (found === undefined || found === headDim) continue;
    throw unsupported(metadata.fileName, `the metadata "${key(name)}" is ${found}; supported is the heads' size, ${headDim}`);
  }
}

function readScaling(
  metadata: Metadata,
  key: (name: string) => string,
  fromFactors: () => RopeScaling | undefined,
): RopeScaling | undefined {
  const type = metadata.text(key("rope.scaling.type")) ?? "none";
  if (type === "none") return fromFactors();
  if (type !== "linear") {
    throw unsupported(metadata.fileName, `the metadata "${key("rope.scaling.type")}" is "${type}"; supported are "none", "linear"`);
  }
  const factor = metadata.required(key("rope.scaling.factor"), metadata.real(key("rope.scaling.factor")));
  return { ropeType: "linear", factor };
}

function scalingJson(scaling: RopeScaling): object {
  if (scaling.ropeType === "linear") return { rope_type: "linear", factor: scaling.factor };
  return {
    rope_type: "llama3",
    factor: scaling.factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalMaxPositionEmbeddings,
  };
}

function gemmaFields(layers: number, queryPreAttnScalar: number): object {
  const isGlobal = (layer: number) => (layer + 1) % GEMMA_PATTERN === 0;
  return {
    hidden_activation: "gelu_pytorch_tanh",
    query_pre_attn_scalar: queryPreAttnScalar,
    // A wild number of layers is refused where configs are read; the list need not be longer than that.
    layer_types: Array.from({ length: Math.min(layers, 10_001) }, (_, layer) =>
      isGlobal(layer) ? "full_attention" : "sliding_attention",
    ),
  };
}
