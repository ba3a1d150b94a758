/**
 * Models into folders with a GGUF file. llama.cpp loads no file with tensors that it does not know, so a state stream stays in
 * its own small file here, too. Node only.
 */
import {
  type HostTensor,
  isStreamParameter,
  type ModelData,
  ParameterReader,
  type ParameterSource,
  type StateStreamConfig,
} from "@sst/layers";
import { type OutputOptions, writeFolder } from "../files/output-folder.js";
import { type GgufOptions, ggufParts } from "../formats/gguf/write-gguf.js";
import { safetensorsParts } from "../formats/safetensors-write.js";
import { dataSource } from "./data-source.js";
import { streamFile } from "./file-names.js";
import { streamMetadata } from "./stream-metadata.js";

const ggufFile = "model.gguf";

/**
 * A model as a folder with `model.gguf`, and `state_stream.safetensors` where it has a stream. llama.cpp runs the backbone.
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

async function streamParts(source: ParameterSource, stateStream: StateStreamConfig): Promise<Iterable<Uint8Array>> {
  const reader = new ParameterReader(source);
  const stream: Record<string, HostTensor> = {};
  for (const name of Object.keys(source.shapes).filter(isStreamParameter)) stream[name] = await reader.read(name);
  return safetensorsParts(stream, { metadata: streamMetadata(stateStream) });
}
