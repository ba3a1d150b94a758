/** A backbone: how its files say what `ModelConfig` says. What it computes is in `@sst/layers`, one decoder layer for all. */
import type { ModelConfig, ModelType } from "@sst/layers";
import type * as v from "valibot";

/** The part of a config that is read the same way for all backbones. */
export type CommonConfig = Pick<
  ModelConfig,
  | "modelType"
  | "vocabSize"
  | "hiddenSize"
  | "intermediateSize"
  | "numHiddenLayers"
  | "numAttentionHeads"
  | "numKeyValueHeads"
  | "headDim"
  | "rmsNormEps"
  | "ropeTheta"
  | "tieWordEmbeddings"
  | "maxPositionEmbeddings"
>;

/** The part that a backbone adds to it. */
export type BackboneFeatures = Omit<ModelConfig, keyof CommonConfig | "bosTokenId" | "eosTokenId" | "stateStream">;

/** `config.json` as it was read, its own fields checked by the backbone's schema. */
export type RawFields<Entries extends v.ObjectEntries> = v.InferOutput<v.ObjectSchema<Entries, undefined>>;

export interface Backbone<Entries extends v.ObjectEntries = v.ObjectEntries> {
  readonly modelType: ModelType;
  /** What `architectures` says in `config.json`. */
  readonly architecture: string;
  /** Of fields that its files may leave out, what they then are. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Fields of `config.json` that this backbone has beside the common ones. */
  readonly fields: Entries;
  /** What these say. @throws SstError `file-unsupported` through `refuse`, naming a field that asks for what we do not have */
  features(raw: RawFields<Entries>, common: CommonConfig, refuse: Refuse): BackboneFeatures;
  /** The same way back: what goes into `config.json` beside the common fields. */
  toJson(config: ModelConfig): Readonly<Record<string, unknown>>;
  readonly gguf: GgufNames;
}

/** Throws, saying what a field is and what is supported. */
export type Refuse = (field: string, value: unknown, supported: string) => never;

/** How a GGUF file holds the backbone. */
export interface GgufNames {
  /** What `general.architecture` says, and its metadata begin with. */
  readonly architecture: string;
  /** Whether rows of q and k are in pairs (0, 1), (2, 3), … and not half-split: llama.cpp turns those of Llama. */
  readonly interleavesRotaryPairs: boolean;
  /** Whether norms hold 1 + weight. */
  readonly addsOneToNorms: boolean;
}
