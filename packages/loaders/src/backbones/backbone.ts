/** A backbone: how its files say what `ModelConfig` says. What it computes is in `@sst/layers`, one decoder layer for all. */
import type { ModelConfig, ModelType } from "@sst/layers";
import type * as v from "valibot";
import type { CommonFields } from "../formats/hugging-face-fields.js";

/** What a backbone adds to the part of a config that is read the same way for all. */
export type BackboneFeatures = Pick<
  ModelConfig,
  | "hiddenActivation"
  | "biasedLayers"
  | "queryKeyNorm"
  | "unitOffsetNorm"
  | "outputNorms"
  | "embeddingScale"
  | "queryPreAttnScalar"
  | "slidingWindow"
  | "layerTypes"
>;

/** What is wrong with a field: `unsupported` asks for what we do not have, `bad` contradicts itself. Both throw. */
export interface Complaints {
  unsupported(field: string, value: unknown, supported: string): never;
  bad(complaint: string): never;
}

/** The activation of the feed-forward gate: the field of `config.json` that names it, and the only name that is supported there. */
export interface Activation {
  readonly field: string;
  readonly name: string;
}

export interface Backbone<Entries extends v.ObjectEntries = v.ObjectEntries> {
  readonly modelType: ModelType;
  /** What `architectures` says in `config.json`. */
  readonly architecture: string;
  readonly activation: Activation;
  /** Fields that its files may leave out, with what they then are. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The rotary bases where its files leave them out; `local` that of sliding layers, where it has one. */
  readonly ropeTheta?: { readonly full: number; readonly local?: number };
  /** Fields of `config.json` that it has beside the common ones. */
  readonly fields: Entries;
  /** What the fields say. */
  features(
    raw: CommonFields & v.InferOutput<v.ObjectSchema<Entries, undefined>>,
    complain: Complaints,
  ): BackboneFeatures;
  /** The way back: what goes into `config.json` beside the common fields. */
  toJson(config: ModelConfig): Readonly<Record<string, unknown>>;
  /** Our name of a tensor of its files, undefined for one that is no part of the model; as it is where this is left out. */
  tensorName?(name: string): string | undefined;
  readonly gguf: GgufNames;
}

/** How a GGUF file holds the backbone. */
export interface GgufNames {
  /** What `general.architecture` says, and its metadata begin with. */
  readonly architecture: string;
  /** Whether rows of q and k are in pairs (0, 1), (2, 3), … and not half-split: llama.cpp turns those of Llama. */
  readonly interleavesRotaryPairs: boolean;
  /** Whether norms hold 1 + weight. */
  readonly addsOneToNorms: boolean;
}

/** Backbones stand in one list, whatever their fields. */
export function defineBackbone<Entries extends v.ObjectEntries>(backbone: Backbone<Entries>): Backbone {
  return backbone as unknown as Backbone;
}
