/** A model that tracks a state has to be read exactly: what sessions read in parallel gives the answers of the exact model, or is not used. */
import "@sst/backend-cpu";
import { Session, type SessionOptions } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import { createTask, taskBatch } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { type Recipe, scratchRecipes } from "../src/experiments.js";
import { LossCurve } from "../src/loss-curve.js";
import { trainFromScratch } from "../src/run.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const recipe = scratchRecipes.find(({ task }) => task === "parity") as Recipe;
const task = createTask(recipe.task);

interface Read {
  readonly accuracy: number;
  /** Positions that were read by sweeps, and what was left of the equation there. */
  readonly swept: number;
  readonly residual: number;
}

async function read(model: DecoderModel, reading: NonNullable<SessionOptions["reading"]>): Promise<Read> {
  const count = 40;
  const { tokens, labels, time } = taskBatch(task, {
    ...{ seed: 1, split: "test", index: 0, batchSize: count, length: recipe.trainedLength },
  });
  let [right, swept, residual] = [0, 0, 0];
  for (let row = 0; row < count; row++) {
    using session = new Session(model, { context: 64, reading });
    const report = await session.append([...tokens.subarray(row * time, (row + 1) * time)]);
    [swept, residual] = [swept + report.swept, Math.max(residual, report.residual)];
    for await (const event of session.generate({ maxNewTokens: 1, stopTokens: [] })) {
      if (event.event === "token-delta" && event.token === labels[(row + 1) * time - 1]) right++;
    }
  }
  return { accuracy: right / count, swept, residual };
}

test("parity: sweeps answer by chance, which their residual tells, so what is read is exact", {
  timeout: 120_000,
}, async () => {
  using model = await trainFromScratch([task], recipe, 0, true, new LossCurve(() => {}));
  const exact = await read(model, { solver: "exact" });
  expect(exact).toEqual({ accuracy: 1, swept: 0, residual: 0 });
  for (const sweeps of [2, 4]) {
    expect(await read(model, { solver: "auto", sweeps })).toEqual(exact);
    // A tolerance that lets anything through shows what that is for.
    const anything = await read(model, { solver: "auto", sweeps, tolerance: 10 });
    expect(anything.swept).toBeGreaterThan(0);
    expect(anything.residual).toBeGreaterThan(1e-2);
    expect(anything.accuracy).toBeLessThan(0.75);
  }
});
