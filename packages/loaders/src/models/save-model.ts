/** Models into folders, whole or not at all. Node only. */
import { type DecoderModel, type HostTensor, isStreamParameter, type ModelData } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { jsonBytes } from "../files/json.js";
import { type FileContent, type OutputOptions, writeFolder } from "../files/output-folder.js";
import { configToJson } from "../formats/hugging-face-config.js";
import { adapterFiles } from "../formats/peft.js";
import { indexBytes, indexFile } from "../formats/safetensors-index.js";
import {
  joined,
  safetensorsParts,
  type WeightType,
  writeSafetensors,
  writtenBytes,
} from "../formats/safetensors-write.js";
import type { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import { streamFile, weightsFile } from "./file-names.js";

export interface ModelFiles {
  /** Saved beside a model of text. */
  readonly tokenizer?: Tokenizer;
  /** Saved beside a model that labels positions. */
  readonly vocabulary?: SymbolVocabulary;
}

export interface WeightOptions {
  /** Of the backbone's weights as they are written; defaults to `float32`. The stream and adapters stay float32. */
  readonly dtype?: WeightType;
  /** Larger backbones become several files with an index; defaults to 5e9, as Hugging Face's tools have it. */
  readonly maxShardBytes?: number;
}

export type SaveOptions = ModelFiles & WeightOptions & OutputOptions;

/** As PyTorch's tools write it; some open no file without it. */
const metadata = { format: "pt" };

/**
 * A model as the files of its folder, by name.
 *
 * @throws SstError `not-finite` for a value that the type is too narrow for, naming the tensor; `invalid-argument`
 */
export function modelFiles(data: ModelData, options: ModelFiles & WeightOptions = {}): Record<string, Uint8Array> {
  const files = Object.entries(modelContents(data, options));
  return Object.fromEntries(
    files.map(([name, content]) => [name, content instanceof Uint8Array ? content : joined([...content])]),
  );
}

/**
 * Weights are written part by part: beside the model itself, there is no copy of it in memory.
 *
 * @throws SstError `output-exists`, `output-not-writable` or `disk-full`, and as `modelFiles`; what was there before is as it
 * was then
 */
export async function saveModelData(folder: string, data: ModelData, options: SaveOptions = {}): Promise<void> {
  await writeFolder(folder, modelContents(data, options), options);
}

/** @throws SstError as `saveModelData` */
export async function saveModel(folder: string, model: DecoderModel, options: SaveOptions = {}): Promise<void> {
  await saveModelData(folder, await model.toData(), options);
}

/** Several models as subfolders of one folder, all or none. @throws SstError as `saveModelData` */
export async function saveModels(
  folder: string,
  models: readonly (ModelFiles & WeightOptions & { readonly name: string; readonly model: DecoderModel })[],
  options: OutputOptions = {},
): Promise<void> {
  const files: Record<string, FileContent> = {};
  for (const { name, model, ...beside } of models) {
    for (const [file, content] of Object.entries(modelContents(await model.toData(), beside)))
      files[`${name}/${file}`] = content;
  }
  await writeFolder(folder, files, options);
}

function modelContents(
  data: ModelData,
  { dtype = "float32", maxShardBytes = 5e9, tokenizer, vocabulary }: ModelFiles & WeightOptions,
): Record<string, FileContent> {
  const isStream = ([name]: [string, HostTensor]) => isStreamParameter(name);
  const weights = Object.entries(data.weights);
  const stream = weights.filter(isStream);
  return {
    "config.json": jsonBytes({ ...configToJson(data.config), torch_dtype: dtype }),
    ...backboneContents(
      weights.filter((entry) => !isStream(entry)),
      dtype,
      maxShardBytes,
    ),
    ...(stream.length > 0 && { [streamFile]: writeSafetensors(Object.fromEntries(stream)) }),
    ...(data.adapter && adapterFiles(data.adapter)),
    ...tokenizer?.files(),
    ...vocabulary?.files(),
  };
}

type NamedTensors = readonly [string, HostTensor][];

/** One file, or several with an index. */
function backboneContents(
  weights: NamedTensors,
  dtype: WeightType,
  maxShardBytes: number,
): Record<string, FileContent> {
  const shards = shardsOf(weights, dtype, maxShardBytes);
  const content = (shard: NamedTensors) => safetensorsParts(Object.fromEntries(shard), { dtype, metadata });
  if (shards.length === 1) return { [weightsFile]: content(shards[0] as NamedTensors) };
  const digits = (count: number) => String(count).padStart(5, "0");
  const nameOf = (index: number) => `model-${digits(index + 1)}-of-${digits(shards.length)}.safetensors`;
  const places = shards.flatMap((shard, index) => shard.map(([name]) => [name, nameOf(index)]));
  const totalBytes = weights.reduce((total, [, tensor]) => total + writtenBytes(tensor, dtype), 0);
  return {
    ...Object.fromEntries(shards.map((shard, index) => [nameOf(index), content(shard)])),
    [indexFile]: indexBytes(Object.fromEntries(places), totalBytes),
  };
}

/** As many tensors to a file as fit, in their order; one that is larger is a file by itself. */
function shardsOf(weights: NamedTensors, dtype: WeightType, maxShardBytes: number): NamedTensors[] {
  if (!(maxShardBytes > 0)) {
    throw new SstError("invalid-argument", `maxShardBytes is ${maxShardBytes}: it should be a number of bytes above 0`);
  }
  const shards: [string, HostTensor][][] = [[]];
  let sizeBytes = 0;
  for (const entry of weights) {
    const bytes = writtenBytes(entry[1], dtype);
    if (sizeBytes > 0 && sizeBytes + bytes > maxShardBytes) {
      shards.push([]);
      sizeBytes = 0;
    }
    shards.at(-1)?.push(entry);
    sizeBytes += bytes;
  }
  return shards;
}
