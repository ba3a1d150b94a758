/**
 * What a model is, before any device is involved: a config in the field names of Hugging Face (camel case here,
 * snake case in files) and named arrays in host memory. Loaders produce it, `DecoderModel` uploads it.
 */

/** The state stream's own part of a config. Ours; written as `state_stream` in `config.json`. */
export interface StateStreamConfig {
  /** Lower bound of the blend factor, in [0, 1). The paper trains with 0.015. */
  readonly alphaMin: number;
  /** Upper bound of the blend factor, in [alphaMin, 1). The paper trains with 0.10. */
  readonly alphaMax: number;
  /**
   * Whether a later iteration's input takes in what the one before left at the top (`state-stream/recirculation.ts`).
   * Ours; off where it is absent.
   */
  readonly recirculate?: boolean;
}

/** The backbones that there are, by their `model_type`. */
export type ModelType = "llama" | "mistral" | "qwen2" | "qwen3" | "gemma3_text";

/** What a layer's attention sees: everything before, or a window of positions. */
export type LayerType = "full_attention" | "sliding_attention";

/** How rotary angles are stretched beyond the context that a model was pretrained with. */
export type RopeScaling =
  | { readonly ropeType: "linear"; readonly factor: number }
  | {
      /** Llama 3.1: low frequencies divided by the factor, high ones left, those between in part. */
      readonly ropeType: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

/** The linear layers of a decoder layer, by the last part of their names. */
export type LinearName = "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj";

/**
 * A decoder of RMS norms, half-split rotary embedding, grouped queries and a gated feed-forward network. What is optional
 * is what backbones differ in, and absent where a backbone has nothing of it; one decoder layer serves all.
 */
export interface ModelConfig {
  readonly modelType: ModelType;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number | readonly number[];
  /** The gate's activation in the feed-forward network; `silu` where absent. */
  readonly hiddenActivation?: "silu" | "gelu_pytorch_tanh";
  /** The linear layers that add a bias. */
  readonly biasedLayers?: readonly LinearName[];
  /** Whether every head's query and key are normed before they are turned (Qwen 3, Gemma 3). */
  readonly queryKeyNorm?: boolean;
  /** Whether norms scale by 1 + weight, not by the weight (Gemma). */
  readonly unitOffsetNorm?: boolean;
  /** Whether what attention and feed-forward network give is normed before it is added to the residual stream (Gemma). */
  readonly outputNorms?: boolean;
  /** What embeddings are multiplied with; 1 where absent (Gemma: the root of the width). */
  readonly embeddingScale?: number;
  /** Scores are divided by its root; headDim where absent. */
  readonly queryPreAttnScalar?: number;
  /** How many positions a sliding layer's query sees, its own included. */
  readonly slidingWindow?: number;
  /** By layer; `full_attention` everywhere where absent. */
  readonly layerTypes?: readonly LayerType[];
  /** The rotary base of sliding layers, which are not scaled then; as that of the others where absent (Gemma 3). */
  readonly ropeLocalBaseFreq?: number;
  /** Absent on a plain backbone. */
  readonly stateStream?: StateStreamConfig;
}

/** An array in host memory, row-major, float32. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Low-rank adapters in PEFT's terms: effective weight = W + (alpha / rank) · B·A. */
export interface LoraConfig {
  readonly rank: number;
  /** PEFT's `lora_alpha`. */
  readonly alpha: number;
  /** The adapted modules' names, or the last parts of them, such as `q_proj` for those of all layers. */
  readonly targetModules: readonly string[];
}

/** Everything that a model folder holds, in host memory. */
export interface ModelData {
  readonly config: ModelConfig;
  /**
   * The backbone under its Hugging Face names (`model.layers.0.self_attn.q_proj.weight`, `[out, in]`), and the stream's
   * parameters as `model.layers.{l}.state_stream.theta`, `[hiddenSize]`; with recirculation also
   * `model.state_stream.recirculation.theta`, `[hiddenSize]`, and `….weight`, `[hiddenSize, hiddenSize]`.
   */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /**
   * Adapters, keyed `model.layers.{l}.self_attn.q_proj.lora_A.weight` (`[rank, in]`) and `….lora_B.weight`
   * (`[out, rank]`). PEFT's file prefixes each with `base_model.model.`.
   */
  readonly adapter?: {
    readonly config: LoraConfig;
    readonly weights: Readonly<Record<string, HostTensor>>;
  };
}
