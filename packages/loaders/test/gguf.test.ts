/** GGUF: what is written is read again, by us and by Hugging Face's library, in every format and for every backbone. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";
import type { HostTensor, ModelConfig, ModelData } from "@sst/layers";
import { dataSource, type GgufFormat, ggufParts, memorySource, readModelData, saveGguf } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  Bytes,
  f32,
  ggufBytes,
  llamaMetadata,
  llamaTensors,
  smallModel,
  type TestTensor,
  text,
  u32,
} from "./gguf-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sst-gguf-"));
});
afterAll(() => rm(folder, { recursive: true }));

const model = (bytes: Uint8Array) => memorySource({ "model.gguf": bytes });

async function written(data: ModelData, format?: GgufFormat): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of ggufParts(dataSource(data), format && { format })) parts.push(part.slice());
  return Buffer.concat(parts);
}

const gemmaLayers = ["sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention"] as const;

const backbones: Readonly<Record<string, Partial<ModelConfig>>> = {
  "Llama 2": { tieWordEmbeddings: false, bosTokenId: 1, eosTokenId: 2 },
  "Llama 3": {
    ropeTheta: 500_000,
    headDim: 64,
    ropeScaling: {
      ropeType: "llama3",
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    },
    eosTokenId: [3, 4, 5],
  },
  "Llama with biases": {
    biasedLayers: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
  },
  Mistral: { modelType: "mistral", slidingWindow: 7, layerTypes: ["sliding_attention", "sliding_attention"] },
  "Qwen 2": { modelType: "qwen2", biasedLayers: ["q_proj", "k_proj", "v_proj"], ropeTheta: 1_000_000 },
  "Qwen 3": { modelType: "qwen3", queryKeyNorm: true, headDim: 16, rmsNormEps: 1e-6 },
  "Gemma 3": {
    modelType: "gemma3_text",
    numHiddenLayers: 6,
    hiddenActivation: "gelu_pytorch_tanh",
    queryKeyNorm: true,
    unitOffsetNorm: true,
    outputNorms: true,
    embeddingScale: Math.sqrt(32),
    queryPreAttnScalar: 8,
    slidingWindow: 5,
    layerTypes: [...gemmaLayers, "sliding_attention", "full_attention"],
    ropeTheta: 1_000_000,
    ropeLocalBaseFreq: 10_000,
    ropeScaling: { ropeType: "linear", factor: 8 },
  },
};

describe("models in GGUF", () => {
  test.each(Object.entries(backbones))("%s comes back as it was", async (_, config) => {
    const data = smallModel(config);
    const read = await readModelData(model(await written(data)));
    expect(read.config).toEqual(data.config);
    expect(Object.keys(read.weights).sort()).toEqual(Object.keys(data.weights).sort());
    for (const [name, { data: values }] of Object.entries(data.weights)) {
      // 1 + w is rounded, and w with it.
      const expected =
        data.config.unitOffsetNorm && values.length <= 64 ? values.map((w) => Math.fround(1 + w) - 1) : values;
      expect(read.weights[name]?.data, name).toEqual(expected);
    }
  });

  test("a state stream stays in its own file, with its bounds", async () => {
    const data = smallModel({ stateStream: { alphaMin: 0.015, alphaMax: 0.1, recirculate: true } });
    await saveGguf(join(folder, "stream"), data);
    expect(await readModelData(join(folder, "stream"))).toEqual(data);
    const { tensorInfos } = await gguf(join(folder, "stream", "model.gguf"), { allowLocalFile: true });
    expect(tensorInfos.some(({ name }) => name.includes("stream"))).toBe(false);
    const stream = await readFile(join(folder, "stream", "state_stream.safetensors"));
    const unbounded = Buffer.from(stream.toString("latin1").replace("alpha_min", "alpha_mum"), "latin1");
    const files = {
      "model.gguf": await readFile(join(folder, "stream", "model.gguf")),
      "state_stream.safetensors": unbounded,
    };
    await expect(readModelData(memorySource(files))).rejects.toThrowError(/alpha_min and alpha_max/);
  });

  test("q and k have their rotary pairs side by side", async () => {
    const data = smallModel();
    const file = join(folder, "pairs", "model.gguf");
    await saveGguf(join(folder, "pairs"), data);
    const { tensorInfos, tensorDataOffset } = await gguf(file, { allowLocalFile: true });
    const offset = tensorInfos.find(({ name }) => name === "blk.0.attn_k.weight")?.offset ?? 0n;
    const values = (data.weights["model.layers.0.self_attn.k_proj.weight"] as HostTensor).data;
    const bytes = await readFile(file);
    const row = (index: number) => bytes.readFloatLE(Number(tensorDataOffset + offset) + index * 32 * 4);
    expect([0, 1, 2, 3, 9].map(row)).toEqual([0, 4, 1, 5, 12].map((index) => values[index * 32]));
  });

  test("parts of a model are read as one, and only all of them", async () => {
    const [first, ...others] = llamaTensors();
    const split = (part: number) => [u32("split.count", 2), u32("split.no", part)];
    const parts = {
      "m-00001-of-00002.gguf": ggufBytes({ metadata: llamaMetadata(split(0)), tensors: [first as TestTensor] }),
      "m-00002-of-00002.gguf": ggufBytes({ metadata: split(1), tensors: others }),
    };
    const whole = await readModelData(model(ggufBytes({ metadata: llamaMetadata(), tensors: llamaTensors() })));
    expect(await readModelData(memorySource(parts))).toEqual(whole);
    const { "m-00002-of-00002.gguf": second, ...alone } = parts;
    await expect(readModelData(memorySource(alone))).rejects.toThrowError(
      /m-00002-of-00002\.gguf: a part of the model is missing/,
    );
    const twice = { ...alone, "m-00002-of-00002.gguf": alone["m-00001-of-00002.gguf"] };
    await expect(readModelData(memorySource(twice))).rejects.toThrowError(/says that it is part 1 of 2/);
    await expect(readModelData(memorySource({ "a.gguf": second, "b.gguf": second }))).rejects.toThrowError(
      /several models/,
    );
  });
});

describe("formats", () => {
  const formats = Object.entries({ f32: [1, 4], f16: [1, 2], bf16: [1, 2], q8_0: [32, 34], q4_0: [32, 18] }) as [
    GgufFormat,
    [number, number],
  ][];

  test.each(formats)(
    "%s: as large as computed, said by the header, and as exact as it can be",
    async (format, [entries, size]) => {
      const data = smallModel();
      const file = join(folder, format, "model.gguf");
      await saveGguf(join(folder, format), data, { format });
      const { tensorInfos, tensorDataOffset } = await gguf(file, { allowLocalFile: true });
      let expectedBytes = Number(tensorDataOffset);
      for (const { shape, dtype } of tensorInfos) {
        const count = shape.reduce((product, each) => product * Number(each), 1);
        const isPacked = shape.length === 2 && Number(shape[0]) % entries === 0;
        expect(GGMLQuantizationType[dtype]).toBe(isPacked ? format.toUpperCase() : "F32");
        const bytes = isPacked ? (count / entries) * size : 4 * count;
        expectedBytes += Math.ceil(bytes / 32) * 32;
      }
      expect((await stat(file)).size).toBe(expectedBytes);
      const read = await readModelData(join(folder, format));
      for (const [name, { shape, data: values }] of Object.entries(data.weights)) {
        const found = read.weights[name]?.data as Float32Array;
        if (shape.length === 1 || (shape[1] as number) % entries !== 0) expect(found).toEqual(values);
        else expectWithin(bounds[format] as Bound, found, values);
      }
    },
  );

  test.each(["q8_0", "q4_0"] as const)("%s: blocks of zeros, of equal entries and of extremes", async (format) => {
    const data = smallModel();
    const values = (data.weights["model.layers.0.mlp.up_proj.weight"] as HostTensor).data;
    values.fill(0, 0, 32).fill(-0.7, 32, 64).fill(1e-9, 64, 96);
    values[100] = 8e4;
    const read = await readModelData(model(await written(data, format)));
    const found = read.weights["model.layers.0.mlp.up_proj.weight"]?.data as Float32Array;
    expectWithin(bounds[format], found, values);
    expect(found.subarray(0, 32).every((value) => value === 0)).toBe(true);
  });

  test("what a half cannot hold is refused by the tensor's name", async () => {
    const data = smallModel();
    (data.weights["model.layers.1.mlp.up_proj.weight"] as HostTensor).data[3] = 7e4;
    await expect(written(data, "f16")).rejects.toThrowError(
      /"blk\.1\.ffn_up\.weight": 70000 is beyond what a half holds/,
    );
    const read = await readModelData(model(await written(data, "bf16")));
    expect(read.weights["model.layers.1.mlp.up_proj.weight"]?.data[3]).toBeCloseTo(7e4, -3);
  });

  test.each(["Q4_K", "Q6_K"] as const)("%s is read as it is defined", async (name) => {
    const blockBytes = { Q4_K: 144, Q6_K: 210 }[name];
    const random = new Random(name);
    const [embedding, ...others] = llamaTensors({ hidden: 256, feedForward: 4, vocabulary: 5 });
    const blocks = Uint8Array.from({ length: 5 * blockBytes }, () => random.integer(256));
    // Scales are halves of a size that floats keep exact: 2^-8 to 2^-6.
    for (let block = 0; block < 5; block++) {
      for (const at of name === "Q4_K" ? [1, 3] : [209]) blocks[block * blockBytes + at] = 0x1c + random.integer(7);
    }
    const tensors = [{ ...(embedding as TestTensor), type: GGMLQuantizationType[name], data: blocks }, ...others];
    const file = ggufBytes({ metadata: llamaMetadata([], { hidden: 256 }), tensors });
    const { weights } = await readModelData(model(file));
    const expected = Array.from({ length: 5 * 256 }, (_, index) => {
      const block = blocks.subarray(Math.floor(index / 256) * blockBytes, (Math.floor(index / 256) + 1) * blockBytes);
      return references[name](block, index % 256);
    });
    const found = weights["model.embed_tokens.weight"]?.data as Float32Array;
    for (const [index, value] of found.entries()) expect(value).toBeCloseTo(expected[index] as number, 4);
  });
});

describe("what GGUF or we cannot say is refused by name", () => {
  const unknown: [string, Parameters<typeof llamaMetadata>[0], RegExp][] = [
    [
      "an architecture",
      [text("general.architecture", "rwkv6")],
      /general\.architecture is "rwkv6"; supported are llama, qwen2/,
    ],
    ["experts", [u32("llama.expert_count", 8)], /"llama\.expert_count" is 8; supported is 0/],
    [
      "YaRN",
      [text("llama.rope.scaling.type", "yarn")],
      /rope\.scaling\.type is "yarn"; supported are "none" and "linear"/,
    ],
    ["rotation of a part of the heads", [u32("llama.rope.dimension_count", 2)], /rope\.dimension_count is 2/],
    ["heads of odd size", [u32("llama.attention.head_count", 4)], /head_dim should be even/],
    [
      "a text for a number",
      [text("llama.block_count", "one")],
      /"llama\.block_count" should be a whole number, but is string one/,
    ],
    [
      "a base that is no number",
      [f32("llama.rope.freq_base", Number.NaN)],
      /"llama\.rope\.freq_base" should be a finite number/,
    ],
    ["layers beyond number", [u32("llama.block_count", 4e9)], /num_hidden_layers/],
  ];
  test.each(unknown)("%s", async (_, metadata, message) => {
    const file = ggufBytes({ metadata: llamaMetadata(metadata), tensors: llamaTensors() });
    await expect(readModelData(model(file))).rejects.toThrowError(message);
  });

  test("tensors that are missing, superfluous, of other shapes or other types", async () => {
    const [embedding, ...others] = llamaTensors();
    const read = (tensors: Parameters<typeof ggufBytes>[0]["tensors"]) =>
      readModelData(model(ggufBytes({ metadata: llamaMetadata(), tensors })));
    await expect(read(others)).rejects.toThrowError(/model\.gguf: it lacks the tensor "token_embd\.weight"/);
    await expect(read(llamaTensors().slice(0, -1))).rejects.toThrowError(/it lacks the tensor "output_norm\.weight"/);
    const bias = { ...(llamaTensors()[1] as TestTensor), name: "blk.0.attn_norm.bias" };
    await expect(read([...llamaTensors(), bias])).rejects.toThrowError(/has no tensor "blk\.0\.attn_norm\.bias"/);
    await expect(read(llamaTensors({ feedForward: 8 }))).rejects.toThrowError(
      /"blk\.0\.ffn_gate\.weight" should be \[4,4\]/,
    );
    const packed = { ...(embedding as TestTensor), type: GGMLQuantizationType.IQ2_XS };
    await expect(read([packed, ...others])).rejects.toThrowError(
      /"token_embd\.weight" is of type IQ2_XS; supported are F32, F16/,
    );
    const short = { ...(embedding as TestTensor), type: GGMLQuantizationType.Q8_0 };
    await expect(read([short, ...others])).rejects.toThrowError(/of shape \[5,4\] is no whole number of Q8_0's blocks/);
  });

  test("rotary factors that Llama 3 does not have", async () => {
    const factors = { name: "rope_freqs.weight", sizes: [2], type: 0, data: new Bytes().f32(1).f32(3.1).done() };
    const read = (data: Uint8Array) =>
      readModelData(
        model(ggufBytes({ metadata: llamaMetadata(), tensors: [...llamaTensors(), { ...factors, data }] })),
      );
    await expect(read(new Bytes().f32(2).f32(1).done())).rejects.toThrowError(/rope_freqs\.weight.*Llama 3/);
    // The second of two pairs has 628 positions to a turn: any context up to that gives the factor.
    const { config } = await read(factors.data);
    expect(config.ropeScaling).toMatchObject({ ropeType: "llama3", factor: 3.1 });
  });

  test("models that a GGUF file would make another model of", async () => {
    const gemma = backbones["Gemma 3"] as ModelConfig;
    const others: [Partial<ModelConfig>, RegExp][] = [
      [{ ...gemma, queryPreAttnScalar: 9 }, /cannot say that queryPreAttnScalar is 9: it would be read as 8/],
      [{ ...gemma, layerTypes: gemma.layerTypes?.toReversed() as never }, /cannot say that layerTypes/],
      [{ ...gemma, ropeLocalBaseFreq: 20_000 }, /cannot say that ropeLocalBaseFreq is 20000/],
      [
        { ...backbones["Qwen 2"], slidingWindow: 4, layerTypes: ["full_attention", "sliding_attention"] },
        /slidingWindow is 4/,
      ],
      [{ ...backbones["Qwen 3"], biasedLayers: ["q_proj", "k_proj", "v_proj", "o_proj"] }, /biasedLayers/],
      [{ eosTokenId: [1, 2, 3, 4] }, /eosTokenId is \[1,2,3,4\]/],
    ];
    for (const [config, message] of others) await expect(written(smallModel(config))).rejects.toThrowError(message);
    const { config, weights } = smallModel();
    const adapter = { config: { rank: 1, alpha: 1, targetModules: ["q_proj"] }, weights: {} };
    await expect(written({ config, weights, adapter })).rejects.toThrowError(/adapters: merge them/);
  });
});

/** The largest error of an entry in a block with these values. */
type Bound = (value: number, largest: number) => number;

const bounds: Readonly<Record<GgufFormat, Bound>> = {
  f32: () => 0,
  f16: (value) => Math.max(Math.abs(value) * 2 ** -11, 2 ** -25),
  bf16: (value) => Math.abs(value) * 2 ** -8,
  // Half a step of a scale that is a half itself.
  q8_0: (_, largest) => Math.max((0.5 * largest * (1 + 2 ** -10)) / 127, Math.min(largest, 127 * 2 ** -25)),
  // One side reaches a step less far: there it is a whole one.
  q4_0: (_, largest) => Math.max((largest * (1 + 2 ** -10)) / 8, Math.min(largest, 8 * 2 ** -25)),
};

function expectWithin(bound: Bound, found: Float32Array, values: Float32Array): void {
  for (let begin = 0; begin < values.length; begin += 32) {
    const block = values.subarray(begin, begin + 32);
    const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    block.forEach((value, index) => {
      expect(Math.abs((found[begin + index] as number) - value)).toBeLessThanOrEqual(bound(value, largest));
    });
  }
}

/** One entry of a block, from the formats' definitions. */
const references = {
  Q4_K: (block: Uint8Array, index: number) => {
    const bits = (at: number, from: number, count: number) => ((block[at] as number) >> from) & (2 ** count - 1);
    const group = Math.floor(index / 32);
    // Six bits: all in one byte, or four in one and two more on top of another.
    const scale = group < 4 ? bits(4 + group, 0, 6) : bits(8 + group, 0, 4) + 16 * bits(group, 6, 2);
    const minimum = group < 4 ? bits(8 + group, 0, 6) : bits(8 + group, 4, 4) + 16 * bits(4 + group, 6, 2);
    const nibble = bits(16 + 32 * Math.floor(index / 64) + (index % 32), index % 64 < 32 ? 0 : 4, 4);
    return half(block, 0) * scale * nibble - half(block, 2) * minimum;
  },
  Q6_K: (block: Uint8Array, index: number) => {
    const [whole, within] = [Math.floor(index / 128), index % 128];
    const low = ((block[64 * whole + (within % 64)] as number) >> (within < 64 ? 0 : 4)) & 15;
    const high = ((block[128 + 32 * whole + (within % 32)] as number) >> (2 * Math.floor(within / 32))) & 3;
    const scale = new Int8Array(block.slice(192, 208).buffer)[Math.floor(index / 16)] as number;
    return half(block, 208) * scale * (low + 16 * high - 32);
  },
} as const;

/** A positive or negative normal half. */
function half(block: Uint8Array, at: number): number {
  const bits = (block[at] as number) + 256 * (block[at + 1] as number);
  return (bits >> 15 ? -1 : 1) * (1 + (bits & 1023) / 1024) * 2 ** (((bits >> 10) & 31) - 15);
}
