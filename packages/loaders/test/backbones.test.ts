/** Configs as they are published, in both generations: what they say, how many parameters that makes, and what is refused. */
import { backboneShapes, type ModelConfig, streamShapes } from "@sst/layers";
import { configToJson, readConfig } from "@sst/loaders";
import { describe, expect, test } from "vitest";

const llama32 = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 128000,
  eos_token_id: 128001,
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  transformers_version: "4.45.0.dev0",
  use_cache: true,
  vocab_size: 128256,
};

const smolLm2 = {
  model_type: "llama",
  hidden_act: "silu",
  hidden_size: 576,
  intermediate_size: 1536,
  is_llama_config: true,
  max_position_embeddings: 8192,
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  rope_interleaved: false,
  rope_scaling: null,
  rope_theta: 100000,
  tie_word_embeddings: true,
  "transformers.js_config": { kv_cache_dtype: { q4f16: "float16" } },
  vocab_size: 49152,
};

const mistral = {
  model_type: "mistral",
  hidden_act: "silu",
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  sliding_window: 4096,
  tie_word_embeddings: false,
  vocab_size: 32000,
};

const qwen25 = {
  model_type: "qwen2",
  hidden_act: "silu",
  hidden_size: 896,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 24,
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  sliding_window: 32768,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151936,
};

const qwen3 = {
  model_type: "qwen3",
  attention_bias: false,
  head_dim: 128,
  hidden_act: "silu",
  hidden_size: 1024,
  intermediate_size: 3072,
  max_position_embeddings: 40960,
  max_window_layers: 28,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151936,
};

const gemma3Small = {
  model_type: "gemma3_text",
  attention_bias: false,
  attn_logit_softcapping: null,
  cache_implementation: "hybrid",
  final_logit_softcapping: null,
  head_dim: 256,
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 1152,
  intermediate_size: 6912,
  max_position_embeddings: 32768,
  num_attention_heads: 4,
  num_hidden_layers: 26,
  num_key_value_heads: 1,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_local_base_freq: 10000,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: 512,
  sliding_window_pattern: 6,
  vocab_size: 262144,
};

/** With its vision tower, and fields left out that are as the library has them. */
const gemma3Large = {
  architectures: ["Gemma3ForConditionalGeneration"],
  boi_token_index: 255999,
  eoi_token_index: 256000,
  eos_token_id: [1, 106],
  image_token_index: 262144,
  initializer_range: 0.02,
  mm_tokens_per_image: 256,
  model_type: "gemma3",
  text_config: {
    head_dim: 128,
    hidden_size: 5376,
    intermediate_size: 21504,
    model_type: "gemma3_text",
    num_attention_heads: 32,
    num_hidden_layers: 62,
    num_key_value_heads: 16,
    query_pre_attn_scalar: 168,
    rope_scaling: { factor: 8, rope_type: "linear" },
    sliding_window: 1024,
  },
  torch_dtype: "bfloat16",
  vision_config: { hidden_size: 1152, model_type: "siglip_vision_model" },
};

const reading = (fields: object): ModelConfig => readConfig(new TextEncoder().encode(JSON.stringify(fields)));

function parametersOf(config: ModelConfig): number {
  const sizes = Object.values(backboneShapes(config)).map((shape) => shape.reduce((left, right) => left * right, 1));
  return sizes.reduce((left, right) => left + right, 0);
}

const published: [string, object, number][] = [
  ["Llama 3.2 1B", llama32, 1_235_814_400],
  ["SmolLM2 135M", smolLm2, 134_515_008],
  ["Mistral 7B v0.1", mistral, 7_241_732_096],
  ["Qwen 2.5 0.5B", qwen25, 494_032_768],
  ["Qwen 3 0.6B", qwen3, 596_049_920],
  ["Gemma 3 1B", gemma3Small, 999_885_952],
  ["Gemma 3 27B, its text part", gemma3Large, 27_009_346_304],
];

for (const [title, fields, parameters] of published) {
  test(`${title} has as many parameters as it was published with`, () => {
    expect(parametersOf(reading(fields))).toBe(parameters);
  });

  test(`${title}: what is written is read as the same config`, () => {
    const config = { ...reading(fields), stateStream: { alphaMin: 0.015, alphaMax: 0.1 } };
    expect(reading(configToJson(config))).toEqual(config);
  });
}

test("Gemma 3 27B has the paper's 333,312 blend parameters", () => {
  const config = { ...reading(gemma3Large), stateStream: { alphaMin: 0.015, alphaMax: 0.1 } };
  const sizes = Object.values(streamShapes(config)).map(([size]) => size as number);
  expect(sizes.reduce((left, right) => left + right, 0)).toBe(333_312);
});

describe("what the fields mean", () => {
  test("Llama 3's scaled rotary embedding", () => {
    expect(reading(llama32).ropeScaling).toEqual({
      ropeType: "llama3",
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    });
  });

  test("Mistral slides everywhere, or nowhere", () => {
    const { layerTypes, slidingWindow } = reading(mistral);
    expect([layerTypes?.length, new Set(layerTypes), slidingWindow]).toEqual([
      32,
      new Set(["sliding_attention"]),
      4096,
    ]);
    const later = reading({ ...mistral, sliding_window: null });
    expect("layerTypes" in later || "slidingWindow" in later).toBe(false);
  });

  test("Qwen slides from max_window_layers on, where that is switched on", () => {
    expect(reading(qwen25).layerTypes).toBeUndefined();
    const { layerTypes } = reading({ ...qwen25, use_sliding_window: true, max_window_layers: 21 });
    expect(layerTypes?.map((type) => type === "sliding_attention").indexOf(true)).toBe(21);
  });

  test("Gemma 3: five sliding layers to one global", () => {
    const { layerTypes } = reading(gemma3Large);
    const global = layerTypes?.flatMap((type, layer) => (type === "full_attention" ? [layer] : []));
    expect(global).toEqual([5, 11, 17, 23, 29, 35, 41, 47, 53, 59]);
  });

  test("the activation: Gemma 3 goes by hidden_activation, whatever hidden_act says; the others by hidden_act", () => {
    const gemma = reading(gemma3Small);
    expect(reading({ ...gemma3Small, hidden_act: "gelu" })).toEqual(gemma);
    expect(configToJson(gemma)).toMatchObject({ hidden_activation: "gelu_pytorch_tanh" });
    expect(configToJson(gemma)).not.toHaveProperty("hidden_act");
    const { hidden_act: _, ...silent } = llama32;
    expect(reading(silent)).toEqual(reading(llama32));
    expect(configToJson(reading(silent))).toMatchObject({ hidden_act: "silu" });
  });

  test("biases of attention and of the feed-forward network", () => {
    const { biasedLayers } = reading({ ...smolLm2, attention_bias: true, mlp_bias: true });
    expect(biasedLayers).toHaveLength(7);
    expect(parametersOf(reading({ ...qwen25 })) - parametersOf({ ...reading(qwen25), biasedLayers: [] })).toBe(
      24 * (896 + 128 + 128),
    );
  });
});

describe("Transformers 5", () => {
  const { rope_scaling, rope_theta, torch_dtype, ...rest } = llama32;

  test("rope_parameters and dtype", () => {
    const newer = { ...rest, dtype: torch_dtype, rope_parameters: { ...rope_scaling, rope_theta } };
    expect(reading(newer)).toEqual(reading(llama32));
  });

  test("rope_parameters by type of layer, and layer_types", () => {
    const {
      rope_local_base_freq,
      rope_theta: base,
      rope_scaling: none,
      sliding_window_pattern,
      ...others
    } = gemma3Small;
    const newer = {
      ...others,
      layer_types: Array.from({ length: 26 }, (_, i) => ((i + 1) % 6 === 0 ? "full_attention" : "sliding_attention")),
      rope_parameters: {
        full_attention: { rope_type: "default", rope_theta: base },
        sliding_attention: { rope_type: "default", rope_theta: rope_local_base_freq },
      },
    };
    expect(reading(newer)).toEqual(reading(gemma3Small));
  });
});

describe("refused by name", () => {
  const refused: [string, object, string, RegExp][] = [
    [
      "another model",
      { ...llama32, model_type: "phi3" },
      "file-unsupported",
      /model_type is "phi3"; .*"qwen3".*"gemma3"/,
    ],
    ["a field that nobody knows", { ...llama32, num_local_experts: 8 }, "file-unsupported", /num_local_experts is 8/],
    ["rope of another kind", { ...qwen25, rope_scaling: { type: "yarn", factor: 4 } }, "file-unsupported", /"yarn"/],
    [
      "a parameter of rope",
      { ...llama32, rope_scaling: { rope_type: "linear", factor: 2, attention_factor: 1.5 } },
      "file-unsupported",
      /rope_scaling.attention_factor is 1.5/,
    ],
    [
      "rope without its factor",
      { ...llama32, rope_scaling: { rope_type: "linear" } },
      "file-corrupt",
      /lacks "factor"/,
    ],
    [
      "sliding layers that are scaled",
      {
        ...gemma3Small,
        rope_local_base_freq: undefined,
        rope_theta: undefined,
        rope_parameters: {
          full_attention: { rope_theta: 1e6 },
          sliding_attention: { rope_theta: 1e4, rope_type: "linear", factor: 2 },
        },
      },
      "file-unsupported",
      /sliding_attention.rope_type is "linear"/,
    ],
    [
      "two bases",
      { ...llama32, rope_parameters: { rope_theta: 5 } },
      "file-corrupt",
      /rope_theta is 500000, but .* say 5/,
    ],
    [
      "a local base for Llama",
      { ...llama32, rope_local_base_freq: 5 },
      "file-unsupported",
      /rope_local_base_freq is 5/,
    ],
    ["interleaved pairs", { ...smolLm2, rope_interleaved: true }, "file-unsupported", /rope_interleaved is true/],
    ["soft caps", { ...gemma3Small, final_logit_softcapping: 30 }, "file-unsupported", /final_logit_softcapping is 30/],
    ["attention both ways", { ...gemma3Small, use_bidirectional_attention: true }, "file-unsupported", /bidirectional/],
    ["another activation", { ...gemma3Small, hidden_activation: "relu" }, "file-unsupported", /hidden_activation/],
    ["another activation of Llama", { ...llama32, hidden_act: "gelu" }, "file-unsupported", /hidden_act .*"silu"/],
    ["Gemma's name of it", { ...llama32, hidden_activation: "silu" }, "file-unsupported", /no such field for "llama"/],
    [
      "a layer of another type",
      { ...qwen3, layer_types: new Array(28).fill("chunked") },
      "file-unsupported",
      /"chunked"/,
    ],
    ["layer types that are too few", { ...qwen3, layer_types: ["full_attention"] }, "file-corrupt", /1 entries for 28/],
    [
      "a window of no size",
      { ...qwen3, layer_types: new Array(28).fill("sliding_attention") },
      "file-corrupt",
      /there is no sliding_window/,
    ],
    [
      "quantised weights",
      { ...gemma3Large, quantization_config: { bits: 4 } },
      "file-unsupported",
      /quantization_config/,
    ],
  ];
  for (const [title, fields, code, message] of refused) {
    test(title, () =>
      expect(() => reading(fields)).toThrowError(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      ),
    );
  }

  test("what is switched off asks for nothing", () => {
    expect(reading({ ...llama32, use_mla: false, something_else: null })).toEqual(reading(llama32));
  });
});
