/** Models from their folders: Hugging Face's layout with our additions, or llama2.c's. */
import {
  adapterShapes,
  backboneShapes,
  DecoderModel,
  type HostTensor,
  type ModelConfig,
  type ModelData,
  streamShapes,
} from "@sst/layers";
import { SstError } from "@sst/tensor";
import { type FileSource, toSource } from "../files/file-source.js";
import { readConfig } from "../formats/hugging-face-config.js";
import { looksLikeLlama2c, readLlama2c } from "../formats/llama2c.js";
import { adapterConfigFile, adapterWeightsFile, readAdapter } from "../formats/peft.js";
import { readSafetensors } from "../formats/safetensors.js";
import { looksLikeLlama2cTokenizer } from "../tokenizers/llama2c-tokenizer.js";

export const weightsFile = "model.safetensors";
export const streamFile = "state_stream.safetensors";

/**
 * A model's data, checked: every expected tensor is there with the expected shape, nothing else is, and all values are
 * finite.
 *
 * @throws SstError `file-not-found`, `file-corrupt`, `file-unsupported`, `shape-mismatch` or `not-finite`, naming file and
 * tensor
 */
export async function readModelData(from: string | FileSource): Promise<ModelData> {
  const source = await toSource(from);
  const data = (await source.has("config.json"))
    ? await readHuggingFaceFolder(source)
    : await readLlama2cFolder(source);
  for (const [name, tensor] of Object.entries({ ...data.weights, ...data.adapter?.weights }))
    requireFinite(name, tensor);
  return data;
}

/** A model on the active backend. The caller disposes of it. @throws SstError as `readModelData` */
export async function loadModel(from: string | FileSource): Promise<DecoderModel> {
  return DecoderModel.fromData(await readModelData(from));
}

async function readHuggingFaceFolder(source: FileSource): Promise<ModelData> {
  const config = readConfig(await source.read("config.json"));
  const backbone = readSafetensors(await source.read(weightsFile), weightsFile);
  requireShapes(backbone, backboneShapes(config), weightsFile);
  const stream = await readStream(source, config);
  const data: ModelData = { config, weights: { ...backbone, ...stream } };
  if (!(await source.has(adapterConfigFile)) && !(await source.has(adapterWeightsFile))) return data;
  const adapter = readAdapter(await source.read(adapterConfigFile), await source.read(adapterWeightsFile));
  requireShapes(adapter.weights, adapterShapes(config, adapter.config), adapterWeightsFile);
  return { ...data, adapter };
}

async function readStream(source: FileSource, config: ModelConfig): Promise<Readonly<Record<string, HostTensor>>> {
  if (config.stateStream === undefined) {
    if (!(await source.has(streamFile))) return {};
    throw new SstError(
      "file-corrupt",
      `${source.location} holds ${streamFile}, but config.json has no "state_stream": which one is right?`,
    );
  }
  const stream = readSafetensors(await source.read(streamFile), streamFile);
  requireShapes(stream, streamShapes(config), streamFile);
  return stream;
}

/** Folders of llama2.c hold a checkpoint and a tokenizer, both as `.bin`: told apart by what is in them. */
async function readLlama2cFolder(source: FileSource): Promise<ModelData> {
  const names = (await source.list()).filter((name) => name.endsWith(".bin"));
  const candidates: [string, Uint8Array][] = [];
  for (const name of names) {
    const bytes = await source.read(name);
    if (!looksLikeLlama2cTokenizer(bytes)) candidates.push([name, bytes]);
  }
  // Where no header is in order, the first file is read all the same, to say what is wrong with it.
  const [first = candidates[0], second] = candidates.filter(([, bytes]) => looksLikeLlama2c(bytes));
  if (first === undefined) {
    throw new SstError(
      "file-not-found",
      `${source.location} holds no model: expected config.json with ${weightsFile}, or a llama2.c checkpoint (*.bin)`,
    );
  }
  if (second !== undefined) {
    throw new SstError(
      "file-unsupported",
      `${source.location} holds several checkpoints (${first[0]}, ${second[0]}): keep one per folder`,
    );
  }
  return readLlama2c(first[1], first[0]);
}

function requireShapes(
  given: Readonly<Record<string, HostTensor>>,
  expected: Readonly<Record<string, readonly number[]>>,
  fileName: string,
): void {
  for (const [name, shape] of Object.entries(expected)) {
    const found = given[name];
    if (found === undefined) throw new SstError("file-corrupt", `${fileName} lacks the tensor "${name}"`);
    if (found.shape.join() !== shape.join()) {
      throw new SstError(
        "shape-mismatch",
        `${fileName}: tensor "${name}" should be [${shape}], but is [${found.shape}]`,
      );
    }
  }
  const unexpected = Object.keys(given).find((name) => !(name in expected));
  if (unexpected !== undefined) {
    throw new SstError("file-unsupported", `${fileName}: the model of config.json has no tensor "${unexpected}"`);
  }
}

function requireFinite(name: string, { data }: HostTensor): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new SstError(
    "not-finite",
    `tensor "${name}" is not finite: entry ${index} is ${data[index]}; the checkpoint is damaged`,
  );
}
