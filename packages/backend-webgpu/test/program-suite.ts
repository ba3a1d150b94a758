/** Our own programs on the device: how many dispatches a kernel is, how far they reach, and one that is not valid. */
import { defineProgram, deviceCounters, type ProgramRunner } from "@sst/backend-webgpu";
import {
  adamwUpdate,
  affineScan,
  affineScanGradient,
  cacheWrite,
  causalAttention,
  causalAttentionGradient,
  embeddingGradient,
  embeddingLookup,
  gatedActivation,
  gatedActivationGradient,
  integerMatMul,
  packMatrix,
  quantizedMatMul,
  quantizedMatMulGradient,
  Random,
  ready,
  rmsNorm,
  rmsNormGradient,
  rotaryEmbedding,
  softmaxCrossEntropy,
  softmaxCrossEntropyGradient,
  stateBlend,
  stateBlendGradient,
  stateRecurrence,
  stateRecurrenceGradient,
  sum,
  type Tensor,
  tensor,
  weightFormats,
  zeros,
} from "@sst/tensor";
import { engine } from "@tensorflow/tfjs-core";
import { beforeEach, describe, expect, test } from "vitest";
import { read } from "./read.js";

const random = new Random("programs");

function normals(...shape: number[]): Tensor {
  const size = shape.reduce((left, right) => left * right, 1);
  return tensor(Float32Array.from(random.normals(size, 1)), shape);
}

function integers(values: number[], ...shape: number[]): Tensor {
  return tensor(Int32Array.from(values), shape, "int32");
}

function packed(format: (typeof weightFormats)[number], outSize: number, inSize: number) {
  const { words, scales } = packMatrix(random.normals(outSize * inSize, 1), [outSize, inSize], format);
  return {
    words: tensor(words, [outSize, words.length / outSize], "int32"),
    scales: tensor(scales, [scales.length], "int32"),
  };
}

/** Dispatches of each kernel, on tensors that are made here and used up. */
const dispatches: readonly [name: string, count: number, call: () => Record<string, Tensor>][] = [
  ["rmsNorm", 1, () => rmsNorm({ x: normals(5, 7), weight: normals(7) }, { epsilon: 1e-5 })],
  [
    "rmsNormGradient",
    2,
    () => rmsNormGradient({ dy: normals(5, 7), x: normals(5, 7), weight: normals(7) }, { epsilon: 1e-5 }),
  ],
  [
    "rotaryEmbedding",
    1,
    () =>
      rotaryEmbedding(
        { x: normals(1, 3, 2, 4), cos: normals(3, 2), sin: normals(3, 2) },
        { offset: 0, iterations: 1, direction: "forth" },
      ),
  ],
  ["gatedActivation", 1, () => gatedActivation({ gate: normals(5, 7), up: normals(5, 7) }, { activation: "silu" })],
  [
    "gatedActivationGradient",
    1,
    () =>
      gatedActivationGradient({ dy: normals(5, 7), gate: normals(5, 7), up: normals(5, 7) }, { activation: "silu" }),
  ],
  ["causalAttention", 1, () => causalAttention(attention(5), { scale: 1, pastLength: 0, iterations: 1, window: 0 })],
  [
    "causalAttention over a cache",
    1,
    () =>
      causalAttention(
        { ...attention(1), pastK: normals(1, 9, 1, 4), pastV: normals(1, 9, 1, 4) },
        { scale: 1, pastLength: 5, iterations: 1, window: 0 },
      ),
  ],
  [
    "causalAttentionGradient",
    3,
    () => causalAttentionGradient({ dy: normals(1, 5, 2, 4), ...attention(5) }, { scale: 1, iterations: 1, window: 0 }),
  ],
  [
    "stateBlend",
    1,
    () => stateBlend({ a: normals(1, 5, 7), state: normals(1, 5, 7), alpha: normals(7), keep: normals(1, 5) }, {}),
  ],
  [
    "stateBlendGradient",
    2,
    () =>
      stateBlendGradient(
        { dh: normals(1, 5, 7), a: normals(1, 5, 7), state: normals(1, 5, 7), alpha: normals(7), keep: normals(1, 5) },
        {},
      ),
  ],
  ["affineScan", 1, () => affineScan({ coefficient: normals(1, 70, 3), offset: normals(1, 70, 3) }, {})],
  [
    "affineScanGradient",
    1,
    () => affineScanGradient({ ds: normals(1, 70, 3), coefficient: normals(1, 70, 3), s: normals(1, 70, 3) }, {}),
  ],
  ["stateRecurrence", 2, () => stateRecurrence(recurrence(9, 6), { epsilon: 1e-5, activation: "silu" })],
  [
    "stateRecurrenceGradient, as many for any length",
    10,
    () =>
      stateRecurrenceGradient(
        { dy: normals(2, 9, 6), ...recurrence(9, 6), y: normals(2, 9, 6) },
        { epsilon: 1e-5, activation: "silu" },
      ),
  ],
  [
    "stateRecurrence, with a norm behind the network",
    2,
    () =>
      stateRecurrence({ ...recurrence(9, 6), outNormWeight: normals(6) }, { epsilon: 1e-5, activation: "geluTanh" }),
  ],
  [
    "stateRecurrenceGradient, with a norm behind the network",
    12,
    () =>
      stateRecurrenceGradient(
        { dy: normals(2, 9, 6), ...recurrence(9, 6), outNormWeight: normals(6), y: normals(2, 9, 6) },
        { epsilon: 1e-5, activation: "geluTanh" },
      ),
  ],
  ["embeddingLookup", 1, () => embeddingLookup({ table: normals(5, 3), tokens: integers([4, 1], 1, 2) }, {})],
  [
    "embeddingGradient",
    3,
    () => embeddingGradient({ dy: normals(1, 2, 3), table: normals(5, 3), tokens: integers([4, 1], 1, 2) }, {}),
  ],
  [
    "softmaxCrossEntropy",
    1,
    () => softmaxCrossEntropy({ logits: normals(1, 2, 9), labels: integers([3, 1], 1, 2) }, {}),
  ],
  [
    "softmaxCrossEntropyGradient",
    1,
    () =>
      softmaxCrossEntropyGradient(
        { dLoss: normals(1, 2), logits: normals(1, 2, 9), labels: integers([3, 1], 1, 2) },
        {},
      ),
  ],
  [
    "adamwUpdate",
    1,
    () =>
      adamwUpdate(
        { parameter: normals(9), gradient: normals(9), m: normals(9), v: normals(9), scale: tensor([1]) },
        { learningRate: 0.1, rateFactor: 1, beta1: 0.9, beta2: 0.9, epsilon: 0.1, weightDecay: 0, step: 1 },
      ),
  ],
  ["cacheWrite", 1, () => cacheWrite({ cache: normals(1, 9, 1, 4), rows: normals(1, 2, 1, 4) }, { offset: 3 })],
  ["quantizedMatMul", 1, () => quantizedMatMul({ x: normals(1, 40), ...packed("int4", 5, 40) }, { format: "int4" })],
  ["integerMatMul", 2, () => integerMatMul({ x: normals(1, 40), ...packed("int4", 5, 40) }, { format: "int4" })],
  [
    "quantizedMatMulGradient",
    1,
    () => quantizedMatMulGradient({ dy: normals(1, 5), ...packed("int8", 5, 40) }, { format: "int8", inSize: 40 }),
  ],
];

function recurrence(time: number, size: number) {
  return {
    a: normals(2, time, size),
    alpha: normals(size),
    keep: normals(2, time),
    initial: normals(2, size),
    normWeight: normals(size),
    gate: normals(8, size),
    up: normals(8, size),
    down: normals(size, 8),
  };
}

function attention(time: number) {
  return { q: normals(1, time, 2, 4), k: normals(1, time, 1, 4), v: normals(1, time, 1, 4) };
}

export function programSuite(): void {
  beforeEach(async () => {
    await ready({ backend: "webgpu" });
  });

  describe("dispatches", () => {
    for (const [name, count, call] of dispatches) {
      test(`${name}: ${count}, and nothing is read back`, () => {
        const before = deviceCounters();
        engine().startScope();
        call();
        const after = deviceCounters();
        engine().endScope();
        expect(after.dispatches - before.dispatches).toBe(count);
        expect(after.bytesReadBack).toBe(before.bytesReadBack);
      });
    }

    test("are submitted many at a time", async () => {
      const [gate, up] = [normals(5), normals(5)];
      const before = deviceCounters();
      const results = Array.from({ length: 30 }, () => gatedActivation({ gate, up }, { activation: "silu" }).y);
      expect(deviceCounters().submissions - before.submissions).toBeLessThanOrEqual(2);
      for (const each of [...results, gate, up]) each.dispose();
    });

    test("more workgroups than one dimension holds", async () => {
      // 256 elements to a workgroup, 65,535 workgroups to a dimension.
      const count = 256 * 65_535 + 3;
      const gate = tensor(new Float32Array(count).fill(1), [count]);
      const { y } = gatedActivation({ gate, up: gate }, { activation: "silu" });
      const values = await read(y);
      gate.dispose();
      const expected = 1 / (1 + Math.exp(-1));
      expect(values.every((value) => Math.abs(value - expected) < 1e-6)).toBe(true);
    });
  });

  describe("a row's bits do not depend on how many rows there are", () => {
    const rows = 37;
    for (const format of weightFormats) {
      test(`quantizedMatMul, ${format}`, async () => {
        const values = Float32Array.from(random.normals(rows * 300, 1));
        const weight = packed(format, 21, 300);
        const together = await read(quantizedMatMul({ x: tensor(values, [rows, 300]), ...weight }, { format }).y);
        for (const row of [0, 17, 36]) {
          const x = tensor(values.slice(row * 300, (row + 1) * 300), [1, 300]);
          const single = await read(quantizedMatMul({ x, ...weight }, { format }).y);
          expect(single).toEqual(together.slice(row * 21, (row + 1) * 21));
        }
      });
    }

    test("integerMatMul", async () => {
      const values = Float32Array.from(random.normals(rows * 300, 1));
      const weight = packed("int4", 21, 300);
      const together = await read(integerMatMul({ x: tensor(values, [rows, 300]), ...weight }, { format: "int4" }).y);
      const last = tensor(values.slice(36 * 300), [1, 300]);
      const single = await read(integerMatMul({ x: last, ...weight }, { format: "int4" }).y);
      expect(single).toEqual(together.slice(36 * 21));
    });

    test("rmsNorm", async () => {
      const values = Float32Array.from(random.normals(rows * 300, 1));
      const weight = normals(300);
      const together = await read(rmsNorm({ x: tensor(values, [rows, 300]), weight }, { epsilon: 1e-5 }).y);
      const last = tensor(values.slice(36 * 300), [1, 300]);
      const single = await read(rmsNorm({ x: last, weight }, { epsilon: 1e-5 }).y);
      expect(single).toEqual(together.slice(36 * 300));
    });
  });

  test("a program that is not valid is a typed error at the next read, and the device goes on", async () => {
    const broken = defineProgram({
      name: "broken",
      buffers: { y: "out f32" },
      uniforms: {},
      threads: 64,
      body: () => "fn run(group: u32, thread: u32) {\n  y[group] = missing;\n}\n",
    });
    const { programs: runner } = engine().backend as unknown as { programs: ProgramRunner };
    for (let attempt = 0; attempt < 2; attempt++) {
      const y = zeros([4]);
      runner.run(broken, { buffers: { y }, uniforms: {}, groups: 1 });
      await expect(y.data()).rejects.toThrowError(
        expect.objectContaining({
          name: "SstError",
          code: "shader-invalid",
          message: expect.stringMatching(/"broken".*missing.*line \d+: `y\[group\] = missing;`/s),
        }),
      );
      y.dispose();
      const [total] = await read(sum(tensor([1, 2, 3])));
      expect(total).toBe(6);
    }
  });
}
