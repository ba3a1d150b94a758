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

/** A Llama-style decoder: RMS norm, half-split rotary embedding, grouped queries, SwiGLU. */
export interface ModelConfig {
  readonly modelType: "llama";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number | readonly number[];
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
