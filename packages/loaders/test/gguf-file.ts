/** GGUF files of a test's own making, whatever is wrong with them; and small models to write. */
import { initializeModel, type ModelConfig, type ModelData } from "@sst/layers";
import { Random } from "@sst/tensor";

export const [U32, I32, F32_VALUE, BOOL, TEXT, LIST, U64] = [4, 5, 6, 7, 8, 9, 10] as const;

/** What is written, in order. */
export class Bytes {
  readonly #parts: number[] = [];

  u32(value: number): this {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value, true);
    return this.raw(new Uint8Array(view.buffer));
  }

  u64(value: number | bigint): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(value), true);
    return this.raw(new Uint8Array(view.buffer));
  }

  f32(value: number): this {
    return this.raw(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u64(bytes.length).raw(bytes);
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  padded(alignment: number): this {
    while (this.#parts.length % alignment !== 0) this.#parts.push(0);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

export interface TestTensor {
  readonly name: string;
  /** Innermost first, as in the file. */
  readonly sizes: readonly (number | bigint)[];
  readonly type: number;
  readonly data: Uint8Array;
  /** Where it claims to be, if not where it is. */
  readonly offset?: number | bigint;
}

export interface TestFile {
  readonly version?: number;
  readonly metadata: readonly (readonly [key: string, type: number, write: (bytes: Bytes) => void])[];
  readonly tensors: readonly TestTensor[];
  readonly tensorCount?: number | bigint;
  readonly metadataCount?: number | bigint;
}

export function ggufBytes({ version = 3, metadata, tensors, tensorCount, metadataCount }: TestFile): Uint8Array {
  const bytes = new Bytes().raw(new TextEncoder().encode("GGUF")).u32(version);
  bytes.u64(tensorCount ?? tensors.length).u64(metadataCount ?? metadata.length);
  for (const [key, type, write] of metadata) {
    bytes.text(key).u32(type);
    write(bytes);
  }
  let offset = 0;
  for (const tensor of tensors) {
    bytes.text(tensor.name).u32(tensor.sizes.length);
    for (const size of tensor.sizes) bytes.u64(size);
    bytes.u32(tensor.type).u64(tensor.offset ?? offset);
    offset += Math.ceil(tensor.data.length / 32) * 32;
  }
  bytes.padded(32);
  for (const { data } of tensors) bytes.raw(data).padded(32);
  return bytes.done();
}

export const text = (key: string, value: string) => [key, TEXT, (bytes: Bytes) => bytes.text(value)] as const;
export const u32 = (key: string, value: number) => [key, U32, (bytes: Bytes) => bytes.u32(value)] as const;
export const f32 = (key: string, value: number) => [key, F32_VALUE, (bytes: Bytes) => bytes.f32(value)] as const;

/** The metadata of a small Llama, but for what is given. */
export function llamaMetadata(others: TestFile["metadata"] = [], sizes: Partial<Record<string, number>> = {}) {
  const given = new Set(others.map(([key]) => key));
  const all = [
    text("general.architecture", "llama"),
    u32("llama.context_length", 64),
    u32("llama.embedding_length", sizes.hidden ?? 4),
    u32("llama.block_count", 1),
    u32("llama.feed_forward_length", sizes.feedForward ?? 4),
    u32("llama.attention.head_count", 1),
    f32("llama.attention.layer_norm_rms_epsilon", 1e-5),
  ];
  return [...all.filter(([key]) => !given.has(key)), ...others];
}

/** Its tensors, in F32, with seeded values. */
export function llamaTensors({ hidden = 4, feedForward = 4, vocabulary = 5 } = {}): TestTensor[] {
  const tensor = (name: string, ...sizes: number[]): TestTensor => {
    const count = sizes.reduce((product, size) => product * size, 1);
    return { name, sizes, type: 0, data: new Uint8Array(new Random(name).normals(count, 1).buffer) };
  };
  return [
    tensor("token_embd.weight", hidden, vocabulary),
    tensor("blk.0.attn_norm.weight", hidden),
    tensor("blk.0.attn_q.weight", hidden, hidden),
    tensor("blk.0.attn_k.weight", hidden, hidden),
    tensor("blk.0.attn_v.weight", hidden, hidden),
    tensor("blk.0.attn_output.weight", hidden, hidden),
    tensor("blk.0.ffn_norm.weight", hidden),
    tensor("blk.0.ffn_gate.weight", hidden, feedForward),
    tensor("blk.0.ffn_up.weight", hidden, feedForward),
    tensor("blk.0.ffn_down.weight", feedForward, hidden),
    tensor("output_norm.weight", hidden),
  ];
}

export const smallConfig: ModelConfig = {
  modelType: "llama",
  vocabSize: 300,
  hiddenSize: 32,
  intermediateSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 64,
};

/** With vectors that are all different, too. */
export function smallModel(overrides: Partial<ModelConfig> = {}): ModelData {
  const { config, weights } = initializeModel({ ...smallConfig, ...overrides }, new Random("small model"));
  const uneven = Object.entries(weights).map(([name, { shape, data }]) => [
    name,
    { shape, data: shape.length > 1 ? data : new Random(name).normals(data.length, 0.3) },
  ]);
  return { config, weights: Object.fromEntries(uneven) };
}
