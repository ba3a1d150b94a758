/** The files of models, read back by other code than what wrote them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostTensor, initializeModel, type ModelConfig, type ModelData } from "@sst/layers";
import { loadTokenizer, memorySource, readLlama2c, readModelData } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packMatMulNBits } from "../src/models/block-formats.js";
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

test.each(["f32", "q8_0", "q4_0"] as const)(
  "a GGUF file in %s is read as it was, as far as the format goes",
  async (format) => {
    await writeGguf(join(folder, "model.gguf"), model, format);
    const file = new Uint8Array(readFileSync(join(folder, "model.gguf")));
    const source = memorySource({ "model.gguf": file });
    const { config: read, weights } = await readModelData(source);
    expect(read).toMatchObject(model.config);
    expect((await loadTokenizer(source)).vocabSize).toBe(300);
    const name = "model.layers.1.mlp.gate_proj.weight";
    const [found, values] = [weights, model.weights].map((each) => (each[name] as HostTensor).data) as [
      Float32Array,
      Float32Array,
    ];
    if (format === "f32") expect(weights).toEqual(model.weights);
    else expectWithinHalfStep(found, values, format === "q8_0" ? 127 : 8);
  },
);

describe("blocks of few bits", () => {
  const values = new Random("blocks").normals(32 * 20, 0.3);
  values.fill(0, 0, 32);

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
