/** The metadata of a GGUF file as the fields of a `config.json`, which the one reader of configs then reads. */
import type { ModelConfig, ModelType } from "@sst/layers";
import { backbones } from "../../backbones/index.js";
import { jsonBytes } from "../../files/json.js";
import { readConfig } from "../hugging-face-config.js";
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

/** Five sliding layers, then one that sees everything; llama.cpp has no other pattern for Gemma 3. */
const GEMMA_PATTERN = 6;
/** The base of Gemma's sliding layers, which llama.cpp takes for granted. */
const GEMMA_LOCAL_BASE = 10_000;
/** The number of layers by which llama.cpp knows the one Gemma 3 whose scores are scaled otherwise. */
const GEMMA_27B_LAYERS = 62;

/**
 * What the metadata say: all but Llama 3's rope scaling, which is a tensor.
 *
 * @param tensors by GGUF's names: some of what a config says is said by their being there
 * @throws SstError `file-corrupt` naming what is missing or wrong, `file-unsupported` naming what we do not have
 */
export function readGgufConfig(
  metadata: Metadata,
  tensors: ReadonlyMap<string, Pick<TensorPlace, "shape">>,
): ModelConfig {
  const { fileName } = metadata;
  const architecture = metadata.required("text", "general.architecture");
  const known = new Set(backbones.map(({ gguf }) => gguf.architecture));
  if (!known.has(architecture)) {
    throw unsupported(fileName, `general.architecture is "${architecture}"; supported are ${[...known].join(", ")}`);
  }
  const own = metadata.below(`${architecture}.`);
  requireKnownFeatures(own, architecture);
  const embedding = tensors.get("token_embd.weight");
  if (embedding === undefined) throw corrupt(fileName, 'it lacks the tensor "token_embd.weight"');
  const hidden = own.required("whole", "embedding_length");
  const heads = own.required("whole", "attention.head_count");
  const headDim = own.whole("attention.key_length") ?? hidden / heads;
  requireWholeHeads(own, headDim);
  const slidingWindow = own.whole("attention.sliding_window") || null;
  const json = {
    model_type: modelTypeOf(architecture, slidingWindow !== null),
    vocab_size: embedding.shape[0],
    hidden_size: hidden,
    intermediate_size: own.required("whole", "feed_forward_length"),
    num_hidden_layers: own.required("whole", "block_count"),
    num_attention_heads: heads,
    num_key_value_heads: own.whole("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: own.required("real", "attention.layer_norm_rms_epsilon"),
    rope_theta: own.real("rope.freq_base") ?? 10_000,
    rope_scaling: ropeScaling(own),
    sliding_window: slidingWindow,
    tie_word_embeddings: !tensors.has("output.weight"),
    max_position_embeddings: own.required("whole", "context_length"),
    ...tokenIds(metadata.below("tokenizer.ggml.")),
    ...(architecture === "llama" && {
      attention_bias: tensors.has("blk.0.attn_q.bias"),
      mlp_bias: tensors.has("blk.0.ffn_up.bias"),
    }),
    ...(architecture === "gemma3" && gemmaFields(own, { hidden, heads, headDim, slides: slidingWindow !== null })),
  };
  return readConfig(jsonBytes(json), fileName);
}

function requireKnownFeatures(own: Metadata, architecture: string): void {
  for (const [key, neutral] of Object.entries(unsupportedKeys)) {
    const found = own.raw(key);
    if (found === undefined || found === neutral) continue;
    throw unsupported(own.fileName, `the metadata "${architecture}.${key}" is ${found}; supported is ${neutral}`);
  }
}

function requireWholeHeads(own: Metadata, headDim: number): void {
  for (const key of ["attention.value_length", "rope.dimension_count"]) {
    const found = own.whole(key);
    if (found === undefined || found === headDim) continue;
    throw unsupported(
      own.fileName,
      `the metadata say that ${key} is ${found}; supported is the size of heads, ${headDim}`,
    );
  }
}

/** A Mistral says that it is a Llama, and llama.cpp keeps nothing of its window: only we write that. */
function modelTypeOf(architecture: string, slides: boolean): ModelType {
  if (architecture === "llama" && slides) return "mistral";
  return backbones.find(({ gguf }) => gguf.architecture === architecture)?.modelType as ModelType;
}

function ropeScaling(own: Metadata): object | null {
  const type = own.text("rope.scaling.type") ?? "none";
  if (type === "none") return null;
  if (type === "linear") return { rope_type: "linear", factor: own.required("real", "rope.scaling.factor") };
  throw unsupported(
    own.fileName,
    `the metadata say that rope.scaling.type is "${type}"; supported are "none" and "linear"`,
  );
}

/** What ends a text, a turn, and a message. */
export const endNames = ["eos", "eot", "eom"] as const;

function tokenIds(tokenizer: Metadata): object {
  const ends = endNames.map((name) => tokenizer.whole(`${name}_token_id`)).filter((id) => id !== undefined);
  const different = [...new Set(ends)];
  return {
    bos_token_id: tokenizer.whole("bos_token_id"),
    eos_token_id: different.length > 1 ? different : different[0],
  };
}

interface GemmaSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly headDim: number;
  readonly slides: boolean;
}

function gemmaFields(own: Metadata, { hidden, heads, headDim, slides }: GemmaSizes): object {
  const layers = own.required("whole", "block_count");
  const isSliding = (layer: number) => slides && (layer + 1) % GEMMA_PATTERN !== 0;
  return {
    query_pre_attn_scalar: layers === GEMMA_27B_LAYERS ? hidden / heads : headDim,
    rope_local_base_freq: own.real("rope.freq_base_swa") ?? GEMMA_LOCAL_BASE,
    // A wild number of layers is refused where configs are read; the list need not be longer than what that allows.
    layer_types: Array.from({ length: Math.min(layers, 10_001) }, (_, layer) =>
      isSliding(layer) ? "sliding_attention" : "full_attention",
    ),
  };
}
