/** Models from their folders, into host memory or onto the active backend. */
import {
  adapterShapes,
  DecoderModel,
  type DecoderModelOptions,
  type HostTensor,
  type ModelConfig,
  type ModelData,
  ParameterReader,
} from "@sst/layers";
import type { FileSource } from "../files/file-source.js";
import { folderSource } from "../files/folder-source.js";
import { watched } from "../files/progress.js";
import { toSource } from "../files/to-source.js";
import { readConfig } from "../formats/hugging-face-config.js";
import type { HubOptions } from "../hub/hub-source.js";
import { type NoticeOptions, type OpenModel, openModel } from "./open-model.js";

/** Where the files are fetched, who watches them come, and who is told what is left out. */
export type LoadOptions = HubOptions & NoticeOptions;

/**
 * A model's data, checked: every expected tensor is there with the expected shape, nothing else is, and all values are
 * finite.
 *
 * @param from a folder, an address, a model on the hub (see `toSource`) or a source
 * @throws SstError `file-not-found`, `file-corrupt`, `file-unsupported`, `shape-mismatch` or `not-finite`, naming file and
 * tensor; `access-denied` or `download-failed` from the web
 */
export async function readModelData(from: string | FileSource, options: LoadOptions = {}): Promise<ModelData> {
  return withModel(from, options, async (model) => {
    const reader = new ParameterReader(model);
    const readAll = async (names: readonly string[]) => {
      const read: Record<string, HostTensor> = {};
      for (const name of names) read[name] = await reader.read(name);
      return read;
    };
    const { config, lora, shapes } = model;
    const ofAdapters = lora ? Object.keys(adapterShapes(config, lora)) : [];
    const weights = await readAll(Object.keys(shapes).filter((name) => !ofAdapters.includes(name)));
    return { config, weights, ...(lora && { adapter: { config: lora, weights: await readAll(ofAdapters) } }) };
  });
}

/**
 * A model on the active backend, read tensor by tensor. The caller disposes of it.
 *
 * @throws SstError as `readModelData`
 */
export async function loadModel(
  from: string | FileSource,
  options: DecoderModelOptions & LoadOptions = {},
): Promise<DecoderModel> {
  return withModel(from, options, (model) => DecoderModel.fromSource(model, options));
}

/**
 * What a model is, without its weights: from a folder, an address, the hub, a source, or a `config.json` by its path.
 *
 * @throws SstError as `readModelData`
 */
export async function readModelConfig(from: string | FileSource, options: LoadOptions = {}): Promise<ModelConfig> {
  if (typeof from === "string" && from.endsWith(".json")) {
    const { basename, dirname } = await import("node:path");
    const name = basename(from);
    return readConfig(await (await folderSource(dirname(from))).read(name), from);
  }
  const source = await toSource(from, options);
  if (await source.has("config.json")) return readConfig(await source.read("config.json"));
  return withModel(source, options, async ({ config }) => config);
}

async function withModel<Result>(
  from: string | FileSource,
  options: LoadOptions,
  use: (model: OpenModel) => Promise<Result>,
): Promise<Result> {
  const model = await openModel(watched(await toSource(from, options), options), options);
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}
