/** The product against golden values: every entry of every solver, logits and gradients, and what `sst logits` prints. */
import "@sst/backend-cpu";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DecoderModel, type ForwardOptions, KvCache, LatentStateCache } from "@sst/layers";
import { loadModel, readModelData } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { lossAndGradients, nextTokenBatch } from "@sst/train";
import { describeWhere, sharedGolden } from "@sst/vitest-config/helpers";
import { beforeAll, describe, expect, test } from "vitest";
import { flatNumbers, goldenOptions } from "../../../packages/layers/test/golden-entries.js";
import { logitsOf, relativeError } from "../../../packages/layers/test/tiny-model.js";
import { sst } from "./run-sst.js";

interface Golden {
  readonly tokens: number[][];
  readonly logits: Record<string, unknown>;
  readonly loss_and_gradients: Record<string, { loss: number; gradients: Record<string, unknown> }>;
}

const folder = sharedGolden() as string;

function flagsOf({ streamOff, iterations, solver, sweeps, propagation }: ForwardOptions): string[] {
  return [
    ...(streamOff ? ["--stream-off"] : []),
    ...(iterations ? ["--iterations", String(iterations)] : []),
    ...(solver ? ["--solver", solver, "--sweeps", String(sweeps), "--propagation", String(propagation)] : []),
  ];
}

describeWhere(folder, "no golden values here (SST_GOLDEN_DIR)", "golden values", () => {
  beforeAll(async () => {
    await ready({ backend: "cpu" });
  });

  for (const name of ["tiny-llama", "tiny-llama-wide"]) {
    describe(name, () => {
      const golden: Golden = JSON.parse(readFileSync(join(folder, name, "golden.json"), "utf8"));

      for (const [entry, expected] of Object.entries(golden.logits)) {
        test(`logits: ${entry}`, async () => {
          expect(
            relativeError(
              await folderLogits(join(folder, name), golden.tokens, goldenOptions(entry)),
              flatNumbers(expected),
            ),
          ).toBeLessThan(1e-4);
        });
      }

      for (const [entry, { loss, gradients }] of Object.entries(golden.loss_and_gradients)) {
        test(`loss and gradients: ${entry}`, async () => {
          using model = await loadModel(join(folder, name));
          const found = lossAndGradients(
            model,
            [nextTokenBatch(golden.tokens)],
            model.parameterNames,
            goldenOptions(entry),
          );
          expect(found.loss.dataSync()[0]).toBeCloseTo(loss, 4);
          expect(Object.keys(found.gradients).sort()).toEqual(Object.keys(gradients).sort());
          for (const [parameter, expected] of Object.entries(gradients)) {
            const given = found.gradients[parameter]?.dataSync() ?? [];
            expect(relativeError(given, flatNumbers(expected)), parameter).toBeLessThan(1e-4);
          }
        });
      }

      test("step by step as over the whole sequence", async () => {
        using model = await loadModel(join(folder, name));
        const steps = await stepByStep(model, golden.tokens);
        const bound = name === "tiny-llama" ? 1e-5 : 1e-4;
        const whole = await folderLogits(join(folder, name), golden.tokens, {});
        expect(relativeError(steps, whole)).toBeLessThan(bound);
        expect(relativeError(steps, flatNumbers(golden.logits.sequential as unknown))).toBeLessThan(1e-4);
      });

      test("alpha 0 gives the logits of the plain backbone bit for bit", async () => {
        const data = await readModelData(join(folder, name));
        using model = DecoderModel.fromData({
          ...data,
          config: { ...data.config, stateStream: { alphaMin: 0, alphaMax: 0 } },
        });
        const plain = await logitsOf(model, golden.tokens, { streamOff: true });
        for (const options of [{}, { solver: "layerwise" }, { solver: "two-pass" }] as const) {
          expect(await logitsOf(model, golden.tokens, options)).toEqual(plain);
        }
      });

      test("sst logits prints them", async () => {
        const tokens = golden.tokens.map((row) => row.join(",")).join(";");
        for (const [entry, expected] of Object.entries(golden.logits)) {
          const flags = flagsOf(goldenOptions(entry));
          const { code, stdout } = await sst("logits", "--model", join(folder, name), "--tokens", tokens, ...flags);
          expect(code).toBe(0);
          expect(relativeError(flatNumbers(JSON.parse(stdout).logits), flatNumbers(expected)), entry).toBeLessThan(
            1e-4,
          );
        }
      });

      test("sst logits --loss-and-gradients prints those", async () => {
        const tokens = golden.tokens.map((row) => row.join(",")).join(";");
        for (const [entry, expected] of Object.entries(golden.loss_and_gradients)) {
          const flags = [...flagsOf(goldenOptions(entry)), "--loss-and-gradients"];
          const { stdout } = await sst("logits", "--model", join(folder, name), "--tokens", tokens, ...flags);
          const printed = JSON.parse(stdout);
          expect(printed.loss).toBeCloseTo(expected.loss, 4);
          for (const [parameter, values] of Object.entries(expected.gradients)) {
            expect(
              relativeError(flatNumbers(printed.gradients[parameter]), flatNumbers(values)),
              parameter,
            ).toBeLessThan(1e-4);
          }
        }
      });
    });
  }
});

async function folderLogits(modelFolder: string, rows: number[][], options: ForwardOptions): Promise<Float32Array> {
  using model = await loadModel(modelFolder);
  return await logitsOf(model, rows, options);
}

/** Logits `[batch, time, vocabSize]`, one position at a time through the caches. */
async function stepByStep(model: DecoderModel, rows: number[][]): Promise<Float32Array> {
  const time = rows[0]?.length ?? 0;
  const { vocabSize } = model.config;
  using kv = new KvCache(model.config, rows.length, time);
  using states = new LatentStateCache(model.config, rows.length);
  const result = new Float32Array(rows.length * time * vocabSize);
  for (let t = 0; t < time; t++) {
    const column = rows.map((row) => [row[t] as number]);
    const logits = await logitsOf(model, column, { caches: { kv, states } });
    rows.forEach((_, row) => {
      result.set(logits.subarray(row * vocabSize, (row + 1) * vocabSize), (row * time + t) * vocabSize);
    });
  }
  return result;
}
