/** The tensors that a forward pass uses, by their role. Linear weights are `[out, in]`, as in Hugging Face. */
import type { Tensor } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import type { ForwardConstants } from "./constants.js";
import type { DecodePlans } from "./decode-plans.js";
import type { LinearWeight } from "./linear.js";

export interface LayerWeights {
  readonly inputNorm: Tensor;
  readonly q_proj: LinearWeight;
  readonly k_proj: LinearWeight;
  readonly v_proj: LinearWeight;
  readonly o_proj: LinearWeight;
  readonly postAttentionNorm: Tensor;
  readonly gate_proj: LinearWeight;
  readonly up_proj: LinearWeight;
  readonly down_proj: LinearWeight;
  /** The blend factor, `[hiddenSize]`; absent on a plain backbone. */
  readonly alpha: Tensor | undefined;
}

export interface ModelWeights {
  readonly config: ModelConfig;
  /** `[vocabSize, hiddenSize]`. */
  readonly embedding: Tensor;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: Tensor;
  /** `[vocabSize, hiddenSize]`; the embedding itself where they are tied, unless it is packed. */
  readonly head: LinearWeight;
  /** The model's own, shared by all its forward passes. */
  readonly constants: ForwardConstants;
  /** Decoding with these values, and no others. */
  readonly plans: DecodePlans;
  /** Lets go of the tensors that were derived from parameters. Not needed inside a `tidy`. */
  dispose(): void;
}
