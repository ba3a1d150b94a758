/** Models in their folders, opened and checked but for their values: Hugging Face's layout with our additions, GGUF, or llama2.c's. */
import {
  adapterShapes,
  backboneShapes,
  type LoraConfig,
  type ModelConfig,
  type ModelData,
  type ParameterSource,
  streamShapes,
} from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import { type OpenFile, openFile } from "../files/open-file.js";
import { type NamedFile, openGguf } from "../formats/gguf/open-gguf.js";
import { readConfig } from "../formats/hugging-face-config.js";
import { looksLikeLlama2c, readLlama2c } from "../formats/llama2c.js";
import { adapterConfigFile, adapterTensors, adapterWeightsFile, readAdapterConfig } from "../formats/peft.js";
import { openSafetensors, PieceMemory, type TensorFile } from "../formats/safetensors.js";
import { indexFile, openShards, readIndex } from "../formats/safetensors-index.js";
import { looksLikeLlama2cTokenizer } from "../tokenizers/llama2c-tokenizer.js";
import { backboneTensors } from "./backbone-tensors.js";
import { dataSource } from "./data-source.js";
import { streamFile, weightsFile } from "./file-names.js";
import { ggufFileNames } from "./gguf-file-names.js";
import { streamConfigOf } from "./stream-metadata.js";

export interface NoticeOptions {
  /** Is told in words what of the files is left out. */
  readonly onNotice?: ((words: string) => void) | undefined;
}

export interface OpenModel extends ParameterSource {
  close(): Promise<void>;
}

/**
 * Every expected tensor is there with the expected shape, and nothing else is; values are checked as they are read. The
 * caller closes what is returned.
 *
 * @throws SstError `file-not-found`, `file-corrupt`, `file-unsupported` or `shape-mismatch`, naming file and tensor
 */
export async function openModel(source: FileSource, { onNotice }: NoticeOptions = {}): Promise<OpenModel> {
  const gguf = await ggufFileNames(source);
  if (gguf === undefined && !(await source.has("config.json"))) return readLlama2cFolder(source);
  const files: OpenFile[] = [];
  const memory = new PieceMemory();
  const close = async () => {
    for (const file of files) await file.close();
  };
  const openBytes = async (name: string): Promise<OpenFile> => {
    const file = await openFile(source, name);
    files.push(file);
    return file;
  };
  const open = async (name: string): Promise<TensorFile> => openSafetensors(await openBytes(name), name, memory);
  try {
    const model = gguf
      ? await openGgufFolder(source, gguf, openBytes, open)
      : await openHuggingFaceFolder(source, open, onNotice);
    return { ...(await withAdapter(source, model, open)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Open = (fileName: string) => Promise<TensorFile>;

/** A model but for its adapters. */
interface OpenParts {
  readonly config: ModelConfig;
  readonly backbone: TensorFile;
  readonly stream: TensorFile | undefined;
}

async function openHuggingFaceFolder(
  source: FileSource,
  open: Open,
  onNotice: NoticeOptions["onNotice"],
): Promise<OpenParts> {
  const config = readConfig(await source.read("config.json"));
  const backbone = backboneTensors(await openBackbone(source, open), config, onNotice);
  requireShapes(backbone, backboneShapes(config), (await source.has(weightsFile)) ? weightsFile : indexFile);
  return { config, backbone, stream: await openStream(source, config, open) };
}

async function openGgufFolder(
  source: FileSource,
  names: readonly string[],
  openBytes: (name: string) => Promise<OpenFile>,
  open: Open,
): Promise<OpenParts> {
  const files: NamedFile[] = [];
  for (const name of names) files.push({ name, file: await openBytes(name) });
  const backbone = await openGguf(files);
  if (!(await source.has(streamFile))) return { config: backbone.config, backbone, stream: undefined };
  const stream = await open(streamFile);
  const config = { ...backbone.config, stateStream: streamConfigOf(stream.metadata) };
  requireShapes(stream, streamShapes(config), streamFile);
  return { config, backbone, stream };
}

async function withAdapter(
  source: FileSource,
  { config, backbone, stream }: OpenParts,
  open: Open,
): Promise<ParameterSource> {
  const adapter = await openAdapter(source, config, open);
  const parts = [backbone, stream, adapter?.tensors].filter((part) => part !== undefined);
  const partOf = new Map(parts.flatMap((part) => Object.keys(part.shapes).map((name) => [name, part])));
  return {
    config,
    lora: adapter?.lora,
    shapes: Object.assign({}, ...parts.map(({ shapes }) => shapes)),
    read: (name, take) => {
      const part = partOf.get(name) as TensorFile;
      return part.read(name, requiringFinite(part.fileOf(name), name, take));
    },
  };
}

/** One file, or where there is none the several that an index names. */
async function openBackbone(source: FileSource, open: Open): Promise<TensorFile> {
  const isSharded = !(await source.has(weightsFile)) && (await source.has(indexFile));
  return isSharded ? openIndexed(source, open) : open(weightsFile);
}

async function openIndexed(source: FileSource, open: Open): Promise<TensorFile> {
  return openShards(readIndex(await source.read(indexFile)), async (shard) => {
    if (await source.has(shard)) return open(shard);
    throw new SstError(
      "file-not-found",
      `${source.location} holds no file "${shard}", which ${indexFile} names: get it from where the index comes from`,
    );
  });
}

async function openStream(source: FileSource, config: ModelConfig, open: Open): Promise<TensorFile | undefined> {
  if (config.stateStream === undefined) {
    if (!(await source.has(streamFile))) return undefined;
    throw new SstError(
      "file-corrupt",
      `${source.location} holds ${streamFile}, but config.json has no "state_stream": which one is right?`,
    );
  }
  const stream = await open(streamFile);
  requireShapes(stream, streamShapes(config), streamFile);
  return stream;
}

async function openAdapter(
  source: FileSource,
  config: ModelConfig,
  open: Open,
): Promise<{ readonly lora: LoraConfig; readonly tensors: TensorFile } | undefined> {
  if (!(await source.has(adapterConfigFile)) && !(await source.has(adapterWeightsFile))) return undefined;
  const lora = readAdapterConfig(await source.read(adapterConfigFile));
  const tensors = adapterTensors(await open(adapterWeightsFile));
  requireOwnAdapter(tensors.shapes, adapterShapes(config, lora));
  return { lora, tensors };
}

/** @throws SstError `shape-mismatch` naming the first tensor that is not one of this backbone's adapter */
function requireOwnAdapter(found: ParameterSource["shapes"], expected: ParameterSource["shapes"]): void {
  for (const name of Object.keys({ ...expected, ...found })) {
    const [has, needs] = [found[name], expected[name]].map((shape) => (shape ? `[${shape}]` : "none"));
    if (has === needs) continue;
    throw new SstError(
      "shape-mismatch",
      `${adapterWeightsFile}: tensor "${name}" is ${has}, where the backbone of config.json needs ${needs}: the adapter is ` +
        "incomplete, or belongs to another backbone",
    );
  }
}

/** Folders of llama2.c hold a checkpoint and a tokenizer, both as `.bin`: told apart by what is in them. */
async function readLlama2cFolder(source: FileSource): Promise<OpenModel> {
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
      `${source.location} holds no model: expected config.json with ${weightsFile} or ${indexFile}, a GGUF file ` +
        "(*.gguf), or a llama2.c checkpoint (*.bin)",
    );
  }
  if (second !== undefined) {
    throw new SstError(
      "file-unsupported",
      `${source.location} holds several checkpoints (${first[0]}, ${second[0]}): keep one per folder`,
    );
  }
  return modelInMemory(readLlama2c(first[1], first[0]), first[0]);
}

function modelInMemory(data: ModelData, fileName: string): OpenModel {
  const source = dataSource(data);
  return {
    ...source,
    read: (name, take) => source.read(name, requiringFinite(fileName, name, take)),
    close: async () => {},
  };
}

function requireShapes(
  { shapes, fileOf }: TensorFile,
  expected: Readonly<Record<string, readonly number[]>>,
  fileName: string,
): void {
  for (const [name, shape] of Object.entries(expected)) {
    const found = shapes[name];
    if (found === undefined) {
      throw new SstError("file-corrupt", `${fileName} lacks the tensor "${name}", which the model of config.json has`);
    }
    if (found.join() !== shape.join()) {
      throw new SstError(
        "shape-mismatch",
        `${fileOf(name)}: tensor "${name}" should be [${shape}], but is [${found}]: weights and config.json are of two models`,
      );
    }
  }
  const unexpected = Object.keys(shapes).find((name) => !(name in expected));
  if (unexpected !== undefined) {
    throw new SstError(
      "file-unsupported",
      `${fileOf(unexpected)}: the model of config.json has no tensor "${unexpected}"`,
    );
  }
}

/** @throws SstError `not-finite`, naming the file, the tensor and the entry */
function requiringFinite(
  fileName: string,
  name: string,
  take: (values: Float32Array) => void,
): (values: Float32Array) => void {
  let position = 0;
  return (values) => {
    const index = firstNotFinite(values);
    if (index !== undefined) {
      throw new SstError(
        "not-finite",
        `${fileName}: tensor "${name}" is not finite: entry ${position + index} is ${values[index]}; the checkpoint is ` +
          "damaged: get it again, or take an earlier one",
      );
    }
    position += values.length;
    take(values);
  };
}

function firstNotFinite(values: Float32Array): number | undefined {
  // A product with 0 is 0 for all but these: sums need no branch, and four of them do not wait for each other.
  let [a, b, c, d] = [0, 0, 0, 0];
  const end = values.length - 3;
  for (let i = 0; i < end; i += 4) {
    a += (values[i] as number) * 0;
    b += (values[i + 1] as number) * 0;
    c += (values[i + 2] as number) * 0;
    d += (values[i + 3] as number) * 0;
  }
  return a + b + c + d === 0 && values.slice(-4).every(Number.isFinite) ? undefined : indexOfNotFinite(values);
}

function indexOfNotFinite(values: Float32Array): number | undefined {
  const index = values.findIndex((value) => !Number.isFinite(value));
  return index < 0 ? undefined : index;
}
