/**
 * Folders with a GGUF file in place of `config.json` and safetensors. llama.cpp loads no file with tensors that it does not
 * know, so a state stream stays in its own small file here, too; that file's metadata say the bounds of alpha, which
 * `config.json` says otherwise.
 */
import {
  type HostTensor,
  isStreamParameter,
  type ModelData,
  ParameterReader,
  type ParameterSource,
  type StateStreamConfig,
} from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import { type OutputOptions, writeFolder } from "../files/output-folder.js";
import { type GgufOptions, ggufParts } from "../formats/gguf/write-gguf.js";
import { safetensorsParts } from "../formats/safetensors.js";
import { dataSource } from "./data-source.js";
import { streamFile, weightsFile } from "./file-names.js";

const ggufFile = "model.gguf";

/**
 * The GGUF file of a source, or all parts of one in their order; undefined where the model is in other files, or there is
 * none.
 *
 * @throws SstError `file-unsupported` for several models, `file-not-found` for parts that are missing
 */
export async function ggufFileNames(source: FileSource): Promise<string[] | undefined> {
  const names = (await source.list()).filter((name) => name.endsWith(".gguf")).sort();
  const [first, second] = names;
  if (first === undefined || (await source.has(weightsFile))) return undefined;
  if (second === undefined && !partPattern.test(first)) return [first];
  const parts = partsOf(first);
  const missing = parts.find((name) => !names.includes(name));
  if (missing !== undefined && parts.includes(first)) {
    throw new SstError(
      "file-not-found",
      `${source.location} holds ${first}, but not ${missing}: a part of the model is missing`,
    );
  }
  const other = names.find((name) => !parts.includes(name));
  if (other === undefined) return parts;
  throw new SstError(
    "file-unsupported",
    `${source.location} holds several models (${first}, ${other}): keep one per folder`,
  );
}

const partPattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** Of a name such as `model-00001-of-00003.gguf`, the names of all parts. */
function partsOf(name: string): string[] {
  const [, prefix, , count] = partPattern.exec(name) ?? [];
  if (prefix === undefined) return [];
  const digits = (part: number) => String(part).padStart(5, "0");
  return Array.from({ length: Number(count) }, (_, index) => `${prefix}-${digits(index + 1)}-of-${count}.gguf`);
}

const boundsSchema = v.object({
  format_version: v.literal("1"),
  alpha_min: v.pipe(v.string(), v.transform(Number), v.minValue(0), v.ltValue(1)),
  alpha_max: v.pipe(v.string(), v.transform(Number), v.minValue(0), v.ltValue(1)),
  recirculate: v.optional(v.picklist(["true", "false"]), "false"),
});

/** @throws SstError `file-corrupt` for metadata that say no bounds */
export function streamConfigOf(metadata: Readonly<Record<string, string>>): StateStreamConfig {
  const result = v.safeParse(boundsSchema, metadata);
  if (!result.success || !(result.output.alpha_min <= result.output.alpha_max)) {
    throw new SstError(
      "file-corrupt",
      `${streamFile}: beside a GGUF file its metadata should hold format_version "1" and the bounds alpha_min and alpha_max, ` +
        `but hold ${JSON.stringify(metadata)}: write the folder again`,
    );
  }
  const { alpha_min, alpha_max, recirculate } = result.output;
  return { alphaMin: alpha_min, alphaMax: alpha_max, ...(recirculate === "true" && { recirculate: true }) };
}

function streamMetadata({ alphaMin, alphaMax, recirculate }: StateStreamConfig): Record<string, string> {
  return {
    format_version: "1",
    alpha_min: String(alphaMin),
    alpha_max: String(alphaMax),
    ...(recirculate && { recirculate: "true" }),
  };
}

/**
 * A model as a folder with `model.gguf`, and `state_stream.safetensors` where it has a stream. llama.cpp runs the backbone.
 * Node only.
 *
 * @throws SstError as `ggufParts`, `output-exists`, `output-not-writable` or `disk-full`; what was there before is as it was then
 */
export async function saveGguf(
  folder: string,
  model: ModelData | ParameterSource,
  options: GgufOptions & OutputOptions = {},
): Promise<void> {
  const source = "weights" in model ? dataSource(model) : model;
  const { stateStream } = source.config;
  await writeFolder(
    folder,
    {
      [ggufFile]: ggufParts(source, options),
      ...(stateStream && { [streamFile]: await streamParts(source, stateStream) }),
    },
    options,
  );
}

async function streamParts(source: ParameterSource, stateStream: StateStreamConfig): Promise<Uint8Array[]> {
  const reader = new ParameterReader(source);
  const stream: Record<string, HostTensor> = {};
  for (const name of Object.keys(source.shapes).filter(isStreamParameter)) stream[name] = await reader.read(name);
  return safetensorsParts(stream, streamMetadata(stateStream));
}
