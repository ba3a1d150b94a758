/** The files of models, read back by other code than what wrote them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";
import { getFloat16 } from "@petamoriken/float16";
import { type HostTensor, initializeModel, type ModelConfig, type ModelData } from "@sst/layers";
import { readLlama2c } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packMatMulNBits, packQ4_0, packQ8_0 } from "../src/models/block-formats.js";
import { writeGguf } from "../src/models/gguf.js";
import { padHeads } from "../src/models/head-padding.js";
import { writeLlama2c } from "../src/models/llama2c.js";
import { readTrainingProblem, type TrainingProblem, writeTrainingProblem } from "../src/models/training-problem.js";

const config: ModelConfig = {
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

const model = initializeModel(config, new Random("model files"));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bench-models-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("llama2.c", () => {
  test.each([true, false])("our loader reads the same model (tied: %j)", (tieWordEmbeddings) => {
    const written = initializeModel({ ...config, tieWordEmbeddings }, new Random("llama2.c"));
    const file = join(folder, "model.bin");
    writeLlama2c(file, written);
    const read = readLlama2c(new Uint8Array(readFileSync(file)), "model.bin");
    expect(read.config).toMatchObject(written.config);
    expect(read.weights).toEqual(written.weights);
  });
});

describe("GGUF", () => {
  test.each(["f32", "q8_0", "q4_0"] as const)(
    "%s: metadata and tensors are where they are said to be",
    async (format) => {
      const file = join(folder, `${format}.gguf`);
      writeGguf(file, model, format);
      const { metadata, tensorInfos, tensorDataOffset } = await gguf(file, { allowLocalFile: true });
      expect(metadata).toMatchObject({ "llama.embedding_length": 32, "llama.attention.head_count_kv": 2 });
      expect(metadata).toHaveProperty(["tokenizer.ggml.tokens", "length"], 300);
      const bytes = readFileSync(file);
      const found = (name: string) => {
        const info = tensorInfos.find((each) => each.name === name);
        if (info === undefined) throw new Error(`no tensor ${name}`);
        return { ...info, at: Number(tensorDataOffset + info.offset) };
      };

      const norm = found("blk.1.ffn_norm.weight");
      expect(norm.dtype).toBe(GGMLQuantizationType.F32);
      expect(bytes.readFloatLE(norm.at)).toBe(1);
      // 48 is no multiple of 32.
      expect(found("blk.0.ffn_down.weight").dtype).toBe(GGMLQuantizationType.F32);

      const gate = found("blk.1.ffn_gate.weight");
      expect(gate.shape.map(Number)).toEqual([32, 48]);
      const values = (model.weights["model.layers.1.mlp.gate_proj.weight"] as HostTensor).data;
      const size = { f32: 4, q8_0: 34, q4_0: 18 }[format] * (format === "f32" ? values.length : values.length / 32);
      const packed = new Uint8Array(bytes.subarray(gate.at, gate.at + size));
      if (format === "f32") expect(new Float32Array(packed.buffer)).toEqual(values);
      else expectWithinHalfStep(unpack[format](packed), values, steps[format]);
    },
  );

  test("q and k have their rotary pairs side by side", async () => {
    const file = join(folder, "pairs.gguf");
    writeGguf(file, model, "f32");
    const { tensorInfos, tensorDataOffset } = await gguf(file, { allowLocalFile: true });
    const offset = tensorInfos.find(({ name }) => name === "blk.0.attn_k.weight")?.offset ?? 0n;
    const { data } = model.weights["model.layers.0.self_attn.k_proj.weight"] as HostTensor;
    const row = (index: number) => readFileSync(file).readFloatLE(Number(tensorDataOffset + offset) + index * 32 * 4);
    expect([0, 1, 2, 3, 9].map(row)).toEqual([0, 4, 1, 5, 12].map((index) => data[index * 32]));
  });
});

describe("blocks of few bits", () => {
  const values = new Random("blocks").normals(32 * 20, 0.3);
  values.fill(0, 0, 32);

  test("Q8_0 and Q4_0 are off by half a step at most", () => {
    expectWithinHalfStep(unpack.q8_0(packQ8_0(values)), values, steps.q8_0);
    expectWithinHalfStep(unpack.q4_0(packQ4_0(values)), values, steps.q4_0);
  });

  test.each([4, 8] as const)("MatMulNBits in %i bits is off by half a step at most", (bits) => {
    const { packed, scales } = packMatMulNBits(values, bits);
    const entry = (index: number) => {
      if (bits === 8) return packed[index] as number;
      return ((packed[index >> 1] as number) >> (index % 2 === 0 ? 0 : 4)) & 15;
    };
    const unpacked = values.map((_, index) => (entry(index) - 2 ** (bits - 1)) * (scales[index >> 5] as number));
    expectWithinHalfStep(unpacked, values, 2 ** (bits - 1) - 1);
  });
});

test("padded heads keep their rows in their halves, and zeros between", () => {
  const padded = padHeads(model, 16);
  const q = padded.weights["model.layers.0.self_attn.q_proj.weight"] as HostTensor;
  const original = model.weights["model.layers.0.self_attn.q_proj.weight"] as HostTensor;
  expect(q.shape).toEqual([64, 32]);
  // Head 1 of size 8 begins at row 8, of size 16 at row 16; its second half is 8 further on.
  expect(q.data.subarray(16 * 32, 17 * 32)).toEqual(original.data.subarray(8 * 32, 9 * 32));
  expect(q.data.subarray(24 * 32, 25 * 32)).toEqual(original.data.subarray(12 * 32, 13 * 32));
  expect(q.data.subarray(20 * 32, 24 * 32).every((value) => value === 0)).toBe(true);
  const o = padded.weights["model.layers.0.self_attn.o_proj.weight"] as HostTensor;
  const originalO = model.weights["model.layers.0.self_attn.o_proj.weight"] as HostTensor;
  expect(o.shape).toEqual([32, 64]);
  expect(o.data[3 * 64 + 24]).toBe(originalO.data[3 * 32 + 12]);
  expect(padHeads(model, 8)).toBe<ModelData>(model);
});

test("a training problem comes back as it was", () => {
  const batch = (start: number) => ({
    tokens: Int32Array.of(start, 1, 2, 3),
    labels: Int32Array.of(1, 2, 3, start),
  });
  const problem: TrainingProblem = {
    config,
    optimizer: { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    batchSize: 2,
    time: 2,
    weights: model.weights,
    batches: [batch(7), batch(8)],
  };
  writeTrainingProblem(folder, problem);
  expect(readTrainingProblem(folder)).toEqual(problem);
});

/** llama.cpp's formats, as its documentation has them. */
const unpack = {
  q8_0: (bytes: Uint8Array) =>
    unpackBlocks(bytes, 34, (view, scale) => Array.from({ length: 32 }, (_, index) => scale * view.getInt8(2 + index))),
  q4_0: (bytes: Uint8Array) =>
    unpackBlocks(bytes, 18, (view, scale) =>
      Array.from({ length: 32 }, (_, index) => {
        const pair = view.getUint8(2 + (index % 16));
        return scale * ((index < 16 ? pair & 15 : pair >> 4) - 8);
      }),
    ),
};

/** Steps that the largest entry of a block is made of. */
const steps = { q8_0: 127, q4_0: 8 } as const;

function unpackBlocks(
  bytes: Uint8Array,
  size: number,
  entries: (view: DataView, scale: number) => number[],
): Float32Array {
  const blocks = Array.from({ length: bytes.length / size }, (_, block) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + block * size, size);
    return entries(view, getFloat16(view, 0, true));
  });
  return Float32Array.from(blocks.flat());
}

/** Half a step, or a whole one at the end of a range that reaches less far on one side; and what the scale's rounding costs. */
function expectWithinHalfStep(found: Float32Array, values: Float32Array, stepsOfLargest: number): void {
  for (let block = 0; block < values.length / 32; block++) {
    const entries = values.subarray(block * 32, (block + 1) * 32);
    const largest = entries.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const allowed = (largest / stepsOfLargest) * (stepsOfLargest === 8 ? 1.02 : 0.51) + largest * 1e-3;
    entries.forEach((value, index) => {
      expect(Math.abs((found[block * 32 + index] as number) - value)).toBeLessThanOrEqual(allowed);
    });
  }
}
