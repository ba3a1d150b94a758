/** GGUF files, for llama.cpp too: the metadata by Hugging Face's library, then where each tensor is, then the tensors. */
import type { GGUFTypedMetadata } from "@huggingface/gguf";
import { isStreamParameter, type ModelConfig, ParameterReader, type ParameterSource } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { tokenizerMetadata } from "../../tokenizers/gguf-tokenizer-metadata.js";
import type { Tokenizer } from "../../tokenizers/tokenizer.js";
import { withAdjacentPairs } from "../rotary-rows.js";
import { joined } from "../safetensors-write.js";
import { roundUp } from "./header.js";
import { ropeFactors } from "./rope-factors.js";
import { ggufName, hasPairedRows, isOneMore, ropeFactorsName } from "./tensor-names.js";
import { type GgufFormat, type WritableType, writableTypes } from "./tensor-types.js";
import { valueTypes } from "./value-types.js";
import { configMetadata, type TypedMetadata, text, whole } from "./write-config.js";

const ALIGNMENT = 32;

export interface GgufOptions {
  /** Of matrices whose rows are whole blocks; others, and vectors, stay F32. Defaults to `f32`. */
  readonly format?: GgufFormat;
  /** Written into the file; without one, llama.cpp takes tokens but no texts. */
  readonly tokenizer?: Tokenizer;
  /** `general.name`. */
  readonly name?: string;
}

interface WrittenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: WritableType;
  values(): Promise<Float32Array>;
}

/**
 * The backbone of a model as the bytes of a GGUF file, piece by piece: the header, then tensor after tensor, each read when it
 * is asked for. What a state stream adds is not in it: it goes into a file of its own.
 *
 * @throws SstError `file-unsupported` for a backbone, adapters or a tokenizer that GGUF has no place for, `not-finite` naming a
 * tensor with values that the format cannot hold
 */
export async function* ggufParts(source: ParameterSource, options: GgufOptions = {}): AsyncGenerator<Uint8Array> {
  const { config, lora } = source;
  if (lora !== undefined) {
    throw new SstError("file-unsupported", "a GGUF file has no place for adapters: merge them into the backbone first");
  }
  const tensors = writtenTensors(source, writableTypes[options.format ?? "f32"]);
  const header = await headerBytes(config, tensors, options);
  yield header;
  yield padding(header.byteLength);
  for (const { name, type, values } of tensors) {
    const bytes = packed(name, type, await values());
    yield bytes;
    yield padding(bytes.byteLength);
  }
}

function writtenTensors(source: ParameterSource, type: WritableType): WrittenTensor[] {
  const { config } = source;
  const reader = new ParameterReader(source);
  const names = Object.keys(source.shapes).filter((name) => !isStreamParameter(name));
  const tensors = names.map((name): WrittenTensor => {
    const shape = source.shapes[name] as readonly number[];
    return {
      name: ggufName(name, config),
      shape,
      type: typeOf(shape, type),
      values: async () => asWritten(name, (await reader.read(name)).data, shape, config),
    };
  });
  if (config.ropeScaling?.ropeType !== "llama3") return tensors;
  const factors = ropeFactors(config);
  const shape = [factors.length];
  return [...tensors, { name: ropeFactorsName, shape, type: writableTypes.f32, values: async () => factors }];
}

/** llama.cpp wants norms and biases as F32. */
function typeOf(shape: readonly number[], type: WritableType): WritableType {
  const [, inSize] = shape;
  return inSize === undefined || inSize % type.blockEntries !== 0 ? writableTypes.f32 : type;
}

function asWritten(name: string, values: Float32Array, shape: readonly number[], config: ModelConfig): Float32Array {
  if (hasPairedRows(name, config)) return withAdjacentPairs(values, config.headDim, shape[1] ?? 1);
  return isOneMore(name, config) ? values.map((value) => value + 1) : values;
}

function packed(name: string, type: WritableType, values: Float32Array): Uint8Array {
  try {
    return type.pack(values);
  } catch (error) {
    if (!(error instanceof SstError)) throw error;
    throw new SstError(error.code, `tensor "${name}": ${error.message}`, { cause: error });
  }
}

function padding(length: number): Uint8Array {
  return new Uint8Array(roundUp(length, ALIGNMENT) - length);
}

async function headerBytes(
  config: ModelConfig,
  tensors: readonly WrittenTensor[],
  options: GgufOptions,
): Promise<Uint8Array> {
  const { serializeGgufMetadata } = await import("@huggingface/gguf");
  const { format = "f32", tokenizer, name } = options;
  const metadata: TypedMetadata = {
    version: { value: 3, type: valueTypes.uint32 },
    tensor_count: { value: BigInt(tensors.length), type: valueTypes.uint64 },
    kv_count: { value: 0n, type: valueTypes.uint64 },
    ...(name !== undefined && { "general.name": text(name) }),
    "general.file_type": whole(writableTypes[format].fileType),
    ...configMetadata(config),
    ...(tokenizer ? tokenizerMetadata(tokenizer, config.vocabSize) : { "tokenizer.ggml.model": text("no_vocab") }),
  };
  const parts = [serializeGgufMetadata(metadata as GGUFTypedMetadata, { alignment: 1 })];
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(tensorInfo(tensor, offset));
    const entries = tensor.shape.reduce((product, size) => product * size, 1);
    offset += roundUp((entries / tensor.type.blockEntries) * tensor.type.blockBytes, ALIGNMENT);
  }
  return joined(parts);
}

/** A name, the sizes (innermost first), the type and where it begins. */
function tensorInfo({ name, shape, type }: WrittenTensor, offset: number): Uint8Array {
  const encoded = new TextEncoder().encode(name);
  const view = new DataView(new ArrayBuffer(8 + encoded.length + 4 + 8 * shape.length + 4 + 8));
  view.setBigUint64(0, BigInt(encoded.length), true);
  new Uint8Array(view.buffer).set(encoded, 8);
  let place = 8 + encoded.length;
  view.setUint32(place, shape.length, true);
  place += 4;
  for (const size of shape.toReversed()) {
    view.setBigUint64(place, BigInt(size), true);
    place += 8;
  }
  view.setUint32(place, type.id, true);
  view.setBigUint64(place + 4, BigInt(offset), true);
  return new Uint8Array(view.buffer);
}
