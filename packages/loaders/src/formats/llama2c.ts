/** llama2.c's checkpoint format, version 0: seven integers, then the weights in a fixed order. */
import { backboneShapes, type HostTensor, type ModelConfig, type ModelData } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { withSplitPairs } from "./rotary-rows.js";

const headerBytes = 28;

interface Header {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabSize: number;
  readonly sequenceLength: number;
  /** Written as a positive vocabulary size. */
  readonly tied: boolean;
}

/** Whether a file begins like a checkpoint; its size is not looked at. */
export function looksLikeLlama2c(bytes: Uint8Array): boolean {
  return bytes.byteLength >= headerBytes && complaintAbout(readHeader(bytes)) === undefined;
}

/**
 * A checkpoint as a model in Hugging Face's names. Rotary pairs are interleaved in the file and half-split in the model:
 * the rows of q and k are put in the other order.
 *
 * @throws SstError `file-corrupt` for a truncated file or a header that the file's size belies
 */
export function readLlama2c(bytes: Uint8Array, fileName: string): ModelData {
  if (bytes.byteLength < headerBytes) {
    throw new SstError("file-corrupt", `${fileName}: ${bytes.byteLength} bytes are too few for a llama2.c header`);
  }
  const header = readHeader(bytes);
  const complaint = complaintAbout(header);
  if (complaint !== undefined)
    throw new SstError("file-corrupt", `${fileName}: its header says ${complaint}: is it a llama2.c checkpoint?`);
  const config = configOf(header);
  const expected = expectedBytes(header, config);
  if (bytes.byteLength !== expected) {
    throw new SstError(
      "file-corrupt",
      `${fileName}: its header (dim ${header.dim}, ${header.layers} layers, vocabulary ${header.vocabSize}) asks for ` +
        `${expected} bytes, but the file has ${bytes.byteLength}: it is truncated, or the header is wrong`,
    );
  }
  return { config, weights: readWeights(bytes, header, config) };
}

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const at = (index: number) => view.getInt32(index * 4, true);
  const vocabulary = at(5);
  return {
    dim: at(0),
    hiddenDim: at(1),
    layers: at(2),
    heads: at(3),
    keyValueHeads: at(4),
    vocabSize: Math.abs(vocabulary),
    sequenceLength: at(6),
    tied: vocabulary > 0,
  };
}

/** What cannot be true of any model. Sizes are bounded so that a wild header is not taken for a huge model. */
function complaintAbout(header: Header): string | undefined {
  for (const [name, value] of Object.entries(header)) {
    if (typeof value === "number" && (value < 1 || value > 2 ** 24)) return `${name} is ${value}, not 1 to ${2 ** 24}`;
  }
  if (header.dim % header.heads !== 0) return `dim ${header.dim} is no multiple of ${header.heads} heads`;
  if (header.heads % header.keyValueHeads !== 0) {
    return `${header.heads} heads are no multiple of ${header.keyValueHeads} key/value heads`;
  }
  return (header.dim / header.heads) % 2 === 0 ? undefined : `the head size ${header.dim / header.heads} is odd`;
}

function configOf(header: Header): ModelConfig {
  return {
    modelType: "llama",
    vocabSize: header.vocabSize,
    hiddenSize: header.dim,
    intermediateSize: header.hiddenDim,
    numHiddenLayers: header.layers,
    numAttentionHeads: header.heads,
    numKeyValueHeads: header.keyValueHeads,
    headDim: header.dim / header.heads,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: header.tied,
    maxPositionEmbeddings: header.sequenceLength,
    bosTokenId: 1,
    eosTokenId: 2,
  };
}

/** Two tables of rotary angles that nobody reads any more. */
function legacyFloats({ sequenceLength }: Header, { headDim }: ModelConfig): number {
  return sequenceLength * headDim;
}

function expectedBytes(header: Header, config: ModelConfig): number {
  const floatsWith = (numHiddenLayers: number) =>
    Object.values(backboneShapes({ ...config, numHiddenLayers })).reduce((sum, shape) => sum + sizeOf(shape), 0);
  // One layer stands for all: a header that lies may claim millions, too many to list.
  const floats = floatsWith(0) + header.layers * (floatsWith(1) - floatsWith(0));
  return headerBytes + 4 * (floats + legacyFloats(header, config));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((left, right) => left * right, 1);
}

function readWeights(bytes: Uint8Array, header: Header, config: ModelConfig): Record<string, HostTensor> {
  const values = floatsOf(bytes.subarray(headerBytes));
  const shapes = backboneShapes(config);
  const weights: Record<string, HostTensor> = {};
  let position = 0;
  const take = (name: string) => {
    const shape = shapes[name] as readonly number[];
    const size = sizeOf(shape);
    weights[name] = { shape, data: values.subarray(position, position + size) };
    position += size;
  };
  const takeLayers = (part: string) => {
    for (let layer = 0; layer < header.layers; layer++) take(`model.layers.${layer}.${part}.weight`);
  };
  take("model.embed_tokens.weight");
  for (const part of layerOrder) takeLayers(part);
  take("model.norm.weight");
  position += legacyFloats(header, config);
  if (!header.tied) take("lm_head.weight");
  for (let layer = 0; layer < header.layers; layer++) {
    for (const name of ["q_proj", "k_proj"]) {
      const key = `model.layers.${layer}.self_attn.${name}.weight`;
      weights[key] = splitRotaryPairs(weights[key] as HostTensor, config.headDim);
    }
  }
  return weights;
}

/** The same memory, where its place in it allows. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

const layerOrder = [
  "input_layernorm",
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "post_attention_layernorm",
  "mlp.gate_proj",
  "mlp.down_proj",
  "mlp.up_proj",
];

function splitRotaryPairs({ shape, data }: HostTensor, headDim: number): HostTensor {
  return { shape, data: withSplitPairs(data, headDim, shape[1] as number) };
}
