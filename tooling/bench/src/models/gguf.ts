/** GGUF files for llama.cpp: the metadata by Hugging Face's library, then where each tensor is, then the tensors. */
import { GGMLQuantizationType, type GGUFTypedMetadata, GGUFValueType, serializeGgufMetadata } from "@huggingface/gguf";
import type { HostTensor, ModelConfig, ModelData } from "@sst/layers";
import { BLOCK, packQ4_0, packQ8_0 } from "./block-formats.js";
import { withAdjacentPairs } from "./rotary-rows.js";
import { WeightFile } from "./weight-file.js";

export type GgufFormat = "f32" | "q8_0" | "q4_0";

/** llama.cpp's own numbers of file types. */
const fileTypes: Readonly<Record<GgufFormat, number>> = { f32: 0, q8_0: 7, q4_0: 2 };

const quantizations: Readonly<Record<GgufFormat, GGMLQuantizationType>> = {
  f32: GGMLQuantizationType.F32,
  q8_0: GGMLQuantizationType.Q8_0,
  q4_0: GGMLQuantizationType.Q4_0,
};

const packers: Readonly<Record<GgufFormat, (values: Float32Array) => Float32Array | Uint8Array>> = {
  f32: (values) => values,
  q8_0: packQ8_0,
  q4_0: packQ4_0,
};

const packedBytes: Readonly<Record<GgufFormat, (entries: number) => number>> = {
  f32: (entries) => 4 * entries,
  q8_0: (entries) => (entries / BLOCK) * 34,
  q4_0: (entries) => (entries / BLOCK) * 18,
};

const ALIGNMENT = 32;

const layerNames: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

const topNames: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

export function writeGguf(path: string, { config, weights }: ModelData, format: GgufFormat): void {
  const tensors = Object.entries(weights).map(([name, tensor]) => ({
    name: ggufName(name),
    tensor: withAdjacentPairs(name, tensor, config),
    format: formatOf(tensor, format),
  }));
  using file = new WeightFile(path);
  file.write(serializeGgufMetadata(metadata(config, tensors.length, format), { alignment: 1 }));
  let offset = 0;
  for (const { name, tensor, format } of tensors) {
    file.write(tensorInfo(name, tensor.shape, quantizations[format], offset));
    const bytes = packedBytes[format](tensor.data.length);
    offset += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  }
  file.pad(ALIGNMENT);
  for (const { tensor, format } of tensors) {
    file.write(packers[format](tensor.data));
    file.pad(ALIGNMENT);
  }
}

/** Norms, and rows that are no whole number of blocks, stay as they are. */
function formatOf({ shape }: HostTensor, format: GgufFormat): GgufFormat {
  const [, inSize] = shape;
  return inSize === undefined || inSize % BLOCK !== 0 ? "f32" : format;
}

/** `model.layers.0.mlp.up_proj.weight` is `blk.0.ffn_up.weight` there. */
function ggufName(name: string): string {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name) ?? [];
  if (part !== undefined) return `blk.${layer}.${layerNames[part]}.weight`;
  return `${topNames[name.replace(/\.weight$/, "")]}.weight`;
}

/** A name, the sizes (innermost first), the type and where it begins. */
function tensorInfo(name: string, shape: readonly number[], type: number, offset: number): Uint8Array {
  const text = new TextEncoder().encode(name);
  const view = new DataView(new ArrayBuffer(8 + text.length + 4 + 8 * shape.length + 4 + 8));
  view.setBigUint64(0, BigInt(text.length), true);
  new Uint8Array(view.buffer).set(text, 8);
  let place = 8 + text.length;
  view.setUint32(place, shape.length, true);
  place += 4;
  for (const size of shape.toReversed()) {
    view.setBigUint64(place, BigInt(size), true);
    place += 8;
  }
  view.setUint32(place, type, true);
  view.setBigUint64(place + 4, BigInt(offset), true);
  return new Uint8Array(view.buffer);
}

function metadata(config: ModelConfig, tensorCount: number, format: GgufFormat): GGUFTypedMetadata {
  const text = (value: string) => ({ value, type: GGUFValueType.STRING as const });
  const whole = (value: number) => ({ value, type: GGUFValueType.UINT32 as const });
  const real = (value: number) => ({ value, type: GGUFValueType.FLOAT32 as const });
  const list = <Value>(value: Value[], subType: GGUFValueType) => ({ value, type: GGUFValueType.ARRAY, subType });
  const { tokens, types } = vocabulary(config.vocabSize);
  const scores = tokens.map((_, index) => -index);
  return {
    version: { value: 3, type: GGUFValueType.UINT32 },
    tensor_count: { value: BigInt(tensorCount), type: GGUFValueType.UINT64 },
    kv_count: { value: 0n, type: GGUFValueType.UINT64 },
    "general.architecture": text("llama"),
    "general.name": text("benchmark"),
    "general.file_type": whole(fileTypes[format]),
    "llama.context_length": whole(config.maxPositionEmbeddings),
    "llama.embedding_length": whole(config.hiddenSize),
    "llama.block_count": whole(config.numHiddenLayers),
    "llama.feed_forward_length": whole(config.intermediateSize),
    "llama.attention.head_count": whole(config.numAttentionHeads),
    "llama.attention.head_count_kv": whole(config.numKeyValueHeads),
    "llama.rope.dimension_count": whole(config.headDim),
    "llama.rope.freq_base": real(config.ropeTheta),
    "llama.attention.layer_norm_rms_epsilon": real(config.rmsNormEps),
    "llama.vocab_size": whole(config.vocabSize),
    "tokenizer.ggml.model": text("llama"),
    "tokenizer.ggml.bos_token_id": whole(1),
    "tokenizer.ggml.eos_token_id": whole(2),
    "tokenizer.ggml.unknown_token_id": whole(0),
    "tokenizer.ggml.tokens": list(tokens, GGUFValueType.STRING),
    "tokenizer.ggml.scores": list(scores, GGUFValueType.FLOAT32),
    "tokenizer.ggml.token_type": list(types, GGUFValueType.INT32),
  } as GGUFTypedMetadata;
}

/** llama.cpp loads no model without a vocabulary. Nobody reads text here, so the names of the tokens mean nothing. */
function vocabulary(size: number): { tokens: string[]; types: number[] } {
  const [normal, unknown, control, byte] = [1, 2, 3, 6];
  const bytes = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`);
  const first = ["<unk>", "<s>", "</s>", ...bytes];
  const tokens = Array.from({ length: size }, (_, index) => first[index] ?? `token${index}`);
  const types = tokens.map((_, index) => {
    if (index === 0) return unknown;
    if (index < 3) return control;
    return index < first.length ? byte : normal;
  });
  return { tokens, types: types as number[] };
}
