/** Models in GGUF files, opened and checked but for their values. */
import { backboneShapes, type ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { backboneOf } from "../../backbones/index.js";
import type { OpenFile } from "../../files/open-file.js";
import { withSplitPairs } from "../rotary-rows.js";
import type { TensorFile } from "../safetensors.js";
import { corrupt, unsupported } from "./errors.js";
import { type GgufHeader, readHeader, type TensorPlace } from "./header.js";
import { readGgufConfig } from "./read-config.js";
import { readTensor } from "./read-tensor.js";
import { inferScaling } from "./rope-factors.js";
import { ggufName, hasPairedRows, isOneMore, ropeFactorsName } from "./tensor-names.js";

/** A file and what messages call it. */
export interface NamedFile {
  readonly file: OpenFile;
  readonly name: string;
}

/** Parameters by Hugging Face's names. */
export interface GgufModel extends TensorFile {
  readonly config: ModelConfig;
}

/**
 * The backbone in a GGUF file, or in several that each hold a part of the tensors, the first one first. Parameters have Hugging
 * Face's names and order of rows. The files stay the caller's, to be closed after parameters were read.
 *
 * @throws SstError `file-corrupt`, `file-unsupported` or `shape-mismatch`, naming file and tensor
 */
export async function openGguf(files: readonly NamedFile[]): Promise<GgufModel> {
  const headers: GgufHeader[] = [];
  for (const { file, name } of files) headers.push(await readHeader(file, name));
  const [{ metadata }] = headers as [GgufHeader];
  const { fileName } = metadata;
  requireAllParts(headers);
  const tensors = mergeTensors(headers);
  const config = await withFactors(readGgufConfig(metadata, tensors), tensors, fileName);
  const shapes = backboneShapes(config);
  const places = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, placeOf(ggufName(name, config), shape, tensors, fileName)]),
  );
  const expected = new Set([...Object.keys(shapes).map((name) => ggufName(name, config)), ropeFactorsName]);
  const unexpected = [...tensors.keys()].find((name) => !expected.has(name));
  if (unexpected !== undefined) {
    throw unsupported(fileName, `the model that its metadata describe has no tensor "${unexpected}"`);
  }
  const place = (name: string) => places.get(name) as TensorPlace;
  return {
    config,
    shapes,
    metadata: {},
    fileOf: (name) => place(name).fileName,
    read: (name, take) => read(name, place(name), config, take),
  };
}

async function read(
  name: string,
  place: TensorPlace,
  config: ModelConfig,
  take: (values: Float32Array) => void,
): Promise<void> {
  const { headDim } = config;
  if (hasPairedRows(name, config)) {
    const columns = place.shape[1] ?? 1;
    return readTensor(place, (values) => take(withSplitPairs(values, headDim, columns)), headDim * columns);
  }
  if (isOneMore(name, config)) return readTensor(place, (values) => take(values.map((value) => value - 1)));
  return readTensor(place, take);
}

function placeOf(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, TensorPlace>,
  fileName: string,
): TensorPlace {
  const place = tensors.get(name);
  if (place === undefined) throw corrupt(fileName, `it lacks the tensor "${name}": is it a whole model?`);
  if (place.shape.join() === shape.join()) return place;
  throw new SstError(
    "shape-mismatch",
    `${place.fileName}: tensor "${name}" should be [${shape}], but is [${place.shape}]: its metadata are of another model`,
  );
}

function requireAllParts(headers: readonly GgufHeader[]): void {
  for (const [index, { metadata }] of headers.entries()) {
    const [count, part] = [metadata.whole("split.count") ?? 1, metadata.whole("split.no") ?? 0];
    if (Math.max(count, 1) === headers.length && part === index) continue;
    throw corrupt(
      metadata.fileName,
      `it says that it is part ${part + 1} of ${count}, but is taken for ${index + 1} of ${headers.length}: put all parts ` +
        "of the model beside each other, under the names that they had",
    );
  }
}

function mergeTensors(headers: readonly GgufHeader[]): Map<string, TensorPlace> {
  const merged = new Map<string, TensorPlace>();
  for (const { metadata, tensors } of headers) {
    for (const [name, place] of tensors) {
      if (merged.has(name)) throw corrupt(metadata.fileName, `the tensor "${name}" is in a part before it, too`);
      merged.set(name, place);
    }
  }
  return merged;
}

/** With the scaling that a tensor says, where the file has it. */
async function withFactors(
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorPlace>,
  fileName: string,
): Promise<ModelConfig> {
  const place = tensors.get(ropeFactorsName);
  if (place === undefined) return config;
  const expected = [config.headDim / 2];
  if (config.ropeScaling !== undefined || backboneOf(config.modelType).gguf.architecture !== "llama") {
    throw unsupported(fileName, `the model that its metadata describe has no tensor "${ropeFactorsName}"`);
  }
  placeOf(ropeFactorsName, expected, tensors, fileName);
  const pieces: number[] = [];
  await readTensor(place, (values) => pieces.push(...values));
  return { ...config, ropeScaling: inferScaling(Float32Array.from(pieces), config, fileName) };
}
