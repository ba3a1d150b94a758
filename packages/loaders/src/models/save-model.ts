/** Models into folders, whole or not at all. Node only. */
import { type DecoderModel, type HostTensor, isStreamParameter, type ModelData } from "@sst/layers";
import { jsonBytes } from "../files/json.js";
import { type OutputOptions, writeFolder } from "../files/output-folder.js";
import { configToJson } from "../formats/hugging-face-config.js";
import { adapterFiles } from "../formats/peft.js";
import { writeSafetensors } from "../formats/safetensors.js";
import type { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import { streamFile, weightsFile } from "./file-names.js";

export interface ModelFiles {
  /** Saved beside a model of text. */
  readonly tokenizer?: Tokenizer;
  /** Saved beside a model that labels positions. */
  readonly vocabulary?: SymbolVocabulary;
}

/** A model as the files of its folder, by name. */
export function modelFiles(data: ModelData, { tokenizer, vocabulary }: ModelFiles = {}): Record<string, Uint8Array> {
  const isStream = ([name]: [string, HostTensor]) => isStreamParameter(name);
  const weights = Object.entries(data.weights);
  const stream = weights.filter(isStream);
  return {
    "config.json": jsonBytes(configToJson(data.config)),
    [weightsFile]: writeSafetensors(Object.fromEntries(weights.filter((entry) => !isStream(entry)))),
    ...(stream.length > 0 && { [streamFile]: writeSafetensors(Object.fromEntries(stream)) }),
    ...(data.adapter && adapterFiles(data.adapter)),
    ...tokenizer?.files(),
    ...vocabulary?.files(),
  };
}

/** @throws SstError `output-exists`, `output-not-writable` or `disk-full`; what was there before is as it was then */
export async function saveModelData(
  folder: string,
  data: ModelData,
  options: ModelFiles & OutputOptions = {},
): Promise<void> {
  await writeFolder(folder, modelFiles(data, options), options);
}

/** @throws SstError as `saveModelData` */
export async function saveModel(
  folder: string,
  model: DecoderModel,
  options: ModelFiles & OutputOptions = {},
): Promise<void> {
  await saveModelData(folder, await model.toData(), options);
}

/** Several models as subfolders of one folder, all or none. @throws SstError as `saveModelData` */
export async function saveModels(
  folder: string,
  models: readonly (ModelFiles & { readonly name: string; readonly model: DecoderModel })[],
  options: OutputOptions = {},
): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  for (const { name, model, ...beside } of models) {
    for (const [file, bytes] of Object.entries(modelFiles(await model.toData(), beside)))
      files[`${name}/${file}`] = bytes;
  }
  await writeFolder(folder, files, options);
}
