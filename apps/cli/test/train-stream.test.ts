/** Putting a stream with recirculation into a model, from scratch and into a real one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@sst/backend-cpu";
import { labelAccuracy } from "@sst/eval";
import { isStreamParameter } from "@sst/layers";
import { createTask, loadModel, readModelData, taskBatch } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const data = sharedData() as string;
const scratch = mkdtempSync(join(tmpdir(), "sst-stream-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const recirculate = ["--recirculate", "--iterations", "2"];

/** It ends with one line that says what is wrong, before anything is trained. */
async function expectRefusal(pattern: RegExp, ...parameters: string[]): Promise<void> {
  expect(await sst("train", ...parameters, "--steps", "1")).toMatchObject({ code: 1, stdout: "", stderr: pattern });
}

async function streamOf(folder: string): Promise<Record<string, Float32Array>> {
  const { weights } = await readModelData(folder);
  const ofStream = Object.entries(weights).filter(([name]) => isStreamParameter(name));
  return Object.fromEntries(ofStream.map(([name, { data: values }]) => [name, values]));
}

describe("sst train --task --recirculate", () => {
  const task = ["--task", "parity", "--length", "4", "--batch-size", "4", "--backend", "cpu"];

  test("saves a model that recirculates, and evaluates it as it was trained", async () => {
    const out = join(scratch, "task");
    const trained = await sst("train", ...task, ...recirculate, "--steps", "20", "--out", out, "--json");
    expect(trained).toMatchObject({ code: 0 });
    const { last } = JSON.parse(trained.stdout).accuracy;
    await ready({ backend: "cpu" });
    using model = await loadModel(out);
    const fresh = taskBatch(createTask("parity"), { seed: 0, split: "test", index: 0, batchSize: 500, length: 4 });
    expect((await labelAccuracy(model, [fresh], { iterations: 2 })).last).toBe(last);
    expect((await labelAccuracy(model, [fresh])).last).not.toBe(last);
    expect(Object.keys(await streamOf(out))).toContain("model.state_stream.recirculation.weight");
  });

  test("is refused where it would do nothing, and with what it does not go with", async () => {
    await expectRefusal(/second iteration on.*--iterations/, ...task, "--recirculate");
    await expectRefusal(/second iteration on/, ...task, "--recirculate", "--iterations", "1");
    await expectRefusal(/--recirculate.*--stream-off/, ...task, ...recirculate, "--stream-off");
    await expectRefusal(/position by position.*--recompute/, ...task, ...recirculate, "--recompute");
  });
});

describeWhere(data, "no real data here (SST_DATA_DIR)", "sst train --model --recirculate", () => {
  const problems = join(scratch, "problems.jsonl");
  const texts = ["--model", join(data ?? "", "stories260K"), "--data", problems, "--backend", "cpu"];
  const small = ["--length", "16", "--batch-size", "2"];

  beforeAll(() => {
    const sums = Array.from({ length: 20 }, (_, n) => ({ question: `${n} and ${n}?`, answer: `${2 * n}.` }));
    writeFileSync(problems, sums.map((each) => `${JSON.stringify(each)}\n`).join(""));
  });

  for (const part of ["adapters", "theta"]) {
    test(`--train ${part} trains all of the stream's parameters`, { timeout: 120_000 }, async () => {
      const streams = await Promise.all(
        ["1", "3"].map(async (steps) => {
          const out = join(scratch, `${part}-${steps}`);
          const run = ["--train", part, "--steps", steps, "--out", out];
          expect(await sst("train", ...texts, ...small, ...recirculate, ...run)).toMatchObject({ code: 0 });
          return streamOf(out);
        }),
      );
      const [early, late] = streams as [Record<string, Float32Array>, Record<string, Float32Array>];
      expect(Object.keys(early)).toContain("model.state_stream.recirculation.weight");
      for (const [name, values] of Object.entries(early)) expect(late[name], name).not.toEqual(values);
    });
  }

  test("is refused for rows of several texts, and for a model that has its stream", async () => {
    await expectRefusal(/position by position.*--pack/, ...texts, ...recirculate, "--pack");
    const withStream = ["--model", join(scratch, "theta-1"), "--data", problems, "--backend", "cpu"];
    await expectRefusal(/the model has one already/, ...withStream, ...recirculate);
    await expectRefusal(/position by position.*--pack/, ...withStream, "--iterations", "2", "--pack");
  });
});
