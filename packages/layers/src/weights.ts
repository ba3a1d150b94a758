/** The tensors that a forward pass uses, by their role. Linear weights are `[out, in]`, as in Hugging Face. */
import type { Tensor } from "@sst/tensor";
import type { LinearName, ModelConfig } from "./config.js";
import type { ForwardConstants } from "./constants.js";
import type { DecodePlans } from "./decode-plans.js";
import type { LinearWeight } from "./linear.js";
import type { NormName } from "./parameters.js";

type LinearWeights = { readonly [Name in LinearName]: LinearWeight };

type Biases = { readonly [Name in LinearName as `${Name}.bias`]?: Tensor | undefined };

/** Norms that scale by their tensor: an offset of one is in it. `[hiddenSize]`, those of queries and keys `[headDim]`. */
type Norms = { readonly [Name in "inputNorm" | "feedForwardNorm"]: Tensor } & {
  readonly [Name in NormName]?: Tensor | undefined;
};

export interface LayerWeights extends LinearWeights, Biases, Norms {
  /** The blend factor, `[hiddenSize]`; absent on a plain backbone. */
  readonly alpha: Tensor | undefined;
}

/** What a later iteration's input takes in of what the one before left. */
export interface Recirculation {
  /** The share of it, `[hiddenSize]`. */
  readonly beta: Tensor;
  /** `[hiddenSize, hiddenSize]`. */
  readonly weight: Tensor;
}

export interface ModelWeights {
  readonly config: ModelConfig;
  /** `[vocabSize, hiddenSize]`. */
  readonly embedding: Tensor;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: Tensor;
  /** Absent where the config does not switch it on. */
  readonly recirculation: Recirculation | undefined;
  /** `[vocabSize, hiddenSize]`; the embedding itself where they are tied, unless it is packed. */
  readonly head: LinearWeight;
  /** The model's own, shared by all its forward passes. */
  readonly constants: ForwardConstants;
  /** Decoding with these values, and no others. */
  readonly plans: DecodePlans;
  /** Lets go of the tensors that were derived from parameters. Not needed inside a `tidy`. */
  dispose(): void;
}
