/** What must hold of WebGPU wherever it runs: golden values, gradients, one order of sums, and memory that comes back. */
import { createWebgpuBackend, deviceBytes } from "@sst/backend-webgpu";
import { DecoderModel } from "@sst/layers";
import { memorySource, readModelData } from "@sst/loaders";
import { fill, matMul, memory, Random, ready, registerBackend, slice, tensor, tidy } from "@sst/tensor";
import { runConformance } from "@sst/tensor/conformance";
import { lossAndGradients, nextTokenBatch, Trainer } from "@sst/train";
import { conformanceTests } from "@sst/vitest-config/conformance";
import { beforeAll, describe, expect, test } from "vitest";
import { flatNumbers, goldenOptions } from "../../layers/test/golden-entries.js";
import { logitsOf, relativeError, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";
import { economySuite } from "./economy-suite.js";
import { faultSuite } from "./fault-suite.js";
import type { GoldenModel } from "./golden-files.js";
import { matMulSuite } from "./mat-mul-suite.js";
import { programSuite } from "./program-suite.js";
import { read } from "./read.js";
import { sessionSuite } from "./session-suite.js";

interface Golden {
  readonly tokens: number[][];
  readonly logits: Record<string, unknown>;
  readonly loss_and_gradients: Record<string, { loss: number; gradients: Record<string, unknown> }>;
}

export function webgpuSuite(models: readonly GoldenModel[]): void {
  beforeAll(async () => {
    registerBackend(createWebgpuBackend({ softwareAdapter: true }), { replace: true });
    await ready({ backend: "webgpu" });
  });

  for (const { name, files } of models) {
    const bytes = Object.entries(files).map(([file, text]) => [
      file,
      Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
    ]);
    const source = memorySource(Object.fromEntries(bytes));
    const golden: Golden = JSON.parse(atob(files["golden.json"] as string));

    describe(name, () => {
      for (const [entry, expected] of Object.entries(golden.logits)) {
        test(`logits: ${entry}`, async () => {
          using model = DecoderModel.fromData(await readModelData(source));
          expect(
            relativeError(await logitsOf(model, golden.tokens, goldenOptions(entry)), flatNumbers(expected)),
          ).toBeLessThan(1e-4);
        });
      }

      for (const [entry, expected] of Object.entries(golden.loss_and_gradients)) {
        test(`loss and gradients: ${entry}`, async () => {
          using model = DecoderModel.fromData(await readModelData(source));
          const batch = nextTokenBatch(golden.tokens);
          const { loss, gradients } = lossAndGradients(model, [batch], model.parameterNames, goldenOptions(entry));
          expect((await loss.data())[0]).toBeCloseTo(expected.loss, 4);
          for (const [parameter, gradient] of Object.entries(expected.gradients)) {
            const given = (await gradients[parameter]?.data()) as Float32Array;
            expect(relativeError(given, flatNumbers(gradient)), parameter).toBeLessThan(1e-4);
          }
          for (const each of [loss, ...Object.values(gradients)]) each.dispose();
        });
      }
    });
  }

  conformanceTests(runConformance, "webgpu");

  describe("any model", () => {
    const tokens = tinyTokens(2, 6);

    test("alpha 0 gives the plain backbone's logits, bit for bit", async () => {
      using model = DecoderModel.fromData(tinyModel({ stateStream: { alphaMin: 0, alphaMax: 0 } }));
      const plain = await logitsOf(model, tokens, { streamOff: true });
      for (const solver of ["sequential", "layerwise", "two-pass"] as const) {
        expect(await logitsOf(model, tokens, { solver }), solver).toEqual(plain);
      }
    });

    test("tensors and GPU memory return to their start after a forward pass and after training", async () => {
      const round = async () => {
        using model = DecoderModel.fromData(tinyModel());
        await logitsOf(model, tokens, {});
        const afterForward = { ...memory(), gpu: deviceBytes().used };
        await logitsOf(model, tokens, {});
        expect({ ...memory(), gpu: deviceBytes().used }).toEqual(afterForward);
        using trainer = new Trainer(model, { steps: 2, learningRate: 1e-2, warmupSteps: 1 });
        await trainer.run(() => [nextTokenBatch(tokens)]);
      };
      await round();
      const before = { ...memory(), gpu: deviceBytes() };
      await round();
      expect({ ...memory(), gpu: deviceBytes() }).toEqual(before);
    });
  });

  describe("the engine", () => {
    test("long matrix products add up in the same order every time", async () => {
      const depth = 5000;
      const columns = Array.from({ length: 12 }, (_, column) =>
        new Random(`long products/${column}`).normals(depth, 1),
      );
      const dot = (left: Float32Array, right: Float32Array) =>
        left.reduce((total, value, index) => total + value * (right[index] as number), 0);
      const expected = columns.flatMap((left) => columns.map((right) => dot(left, right)));
      const x = tensor(
        Float32Array.from({ length: 12 * depth }, (_, index) => columns[index % 12]?.[Math.floor(index / 12)] ?? 0),
        [depth, 12],
      );
      const product = async () => read(matMul(x, x, true, false));
      const first = await product();
      expect(relativeError(first, expected)).toBeLessThan(1e-5);
      for (let run = 0; run < 5; run++) expect(await product()).toEqual(first);
      x.dispose();
    });

    test("tensors of ever new sizes leave a bounded number of spare buffers", async () => {
      const used = deviceBytes().used;
      for (let size = 2 ** 24; size < 2 ** 24 + 7; size++) {
        const [last] = await read(tidy(() => slice(fill([size], 3), [size - 1], [1])));
        expect(last).toBe(3);
      }
      const bytes = deviceBytes();
      expect(bytes.used).toBe(used);
      expect(bytes.allocated - bytes.used).toBeLessThan(384 * 2 ** 20);
    });
  });

  matMulSuite();
  programSuite();

  economySuite();
  sessionSuite();
  // Last: it takes the device away.
  faultSuite();
}
