/** The oracle against golden values of an independent implementation. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readModelData } from "@sst/loaders";
import { lossDerivatives, nextTokenLoss, oracleWeights, runOracle } from "@sst/oracle";
import { Random } from "@sst/tensor";
import { describeWhere, sharedGolden } from "@sst/vitest-config/helpers";
import { describe, expect, test } from "vitest";
import { flatNumbers, goldenOptions } from "../../../packages/layers/test/golden-entries.js";
import { relativeError } from "../../../packages/layers/test/tiny-model.js";

const folder = sharedGolden() as string;

describeWhere(folder, "no golden values here (SST_GOLDEN_DIR)", "golden values", () => {
  for (const name of ["tiny-llama", "tiny-llama-wide"]) {
    describe(name, () => {
      const golden = JSON.parse(readFileSync(join(folder, name, "golden.json"), "utf8")) as {
        tokens: number[][];
        logits: Record<string, unknown>;
        loss_and_gradients: Record<string, { loss: number; gradients: Record<string, unknown> }>;
      };

      for (const [entry, expected] of Object.entries(golden.logits)) {
        test(`logits: ${entry}`, async () => {
          const data = await readModelData(join(folder, name));
          const { logits } = runOracle(data.config, oracleWeights(data), golden.tokens, goldenOptions(entry));
          expect(relativeError(logits.data, flatNumbers(expected))).toBeLessThan(1e-7);
        });
      }

      for (const [entry, { loss, gradients }] of Object.entries(golden.loss_and_gradients)) {
        test(`loss and gradients: ${entry}`, async () => {
          const data = await readModelData(join(folder, name));
          const { logits } = runOracle(data.config, oracleWeights(data), golden.tokens, goldenOptions(entry));
          expect(nextTokenLoss(logits, golden.tokens)).toBeCloseTo(loss, 7);
          const random = new Random(entry);
          for (const [parameter, values] of Object.entries(gradients)) {
            const expected = flatNumbers(values);
            const size = Math.max(...expected.map(Math.abs));
            const entries = Array.from({ length: 4 }, () => random.integer(expected.length));
            const found = lossDerivatives(data, golden.tokens, goldenOptions(entry), parameter, entries);
            for (const [index, at] of entries.entries()) {
              expect(Math.abs((found[index] as number) - (expected[at] as number)) / size, parameter).toBeLessThan(
                1e-5,
              );
            }
          }
        });
      }
    });
  }
});
