/** `sst probe train` from outside: what it prints, where the probe lies, and what it refuses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { sst } from "./run-sst.js";

vi.setConfig({ testTimeout: 300_000 });

const scratch = mkdtempSync(join(tmpdir(), "sst-probe-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("trains a probe on a model's answers, beside its controls, and leaves it beside the model", async () => {
  const model = join(scratch, "parity");
  const size = ["--length", "6", "--batch-size", "32", "--hidden-size", "16", "--layers", "1"];
  const trained = await sst("train", "--task", "chain", "--steps", "60", ...size, "--out", model);
  expect(trained.code).toBe(0);
  const train = ["probe", "train", "--model", model, "--task", "chain", "--length", "2", "--sequences", "300"];
  const { code, stdout, stderr } = await sst(...train, "--depths", "1,2");
  expect(stderr).not.toMatch(/error/);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /right at depth 1.*latent states.*control: surface.*control: maximum probability.*calibration/s,
  );
  expect(readdirSync(model)).toEqual(expect.arrayContaining(["probe.json", "probe.safetensors"]));
  const report = JSON.parse(readFileSync(join(model, "probe.json"), "utf8"));
  expect(report).toMatchObject({ format_version: 1, benchmark: "task chain", questions: 300, folds: 5 });
  expect(report.probe.calibration.bins).toHaveLength(10);
  const again = await sst(...train, "--depths", "1,2");
  expect(again.stderr).toMatch(/exists already.*--overwrite/);
  const json = await sst(...train, "--depths", "1,2", "--overwrite", "--json");
  expect(JSON.parse(json.stdout).probe.area).toBe(report.probe.area);
  // The probe chooses between the depths that it was trained on.
  const threshold = String(report.surviving);
  const asked = ["eval", "--benchmark", "task", "--task", "chain", "--length", "2", "--sequences", "100"];
  const probed = await sst(...asked, "--model", model, "--depths", "1,2", "--probe", threshold, "--json");
  const { rows } = JSON.parse(probed.stdout);
  expect(rows.map(({ name }: { name: string }) => name)).toEqual([
    "depth 1",
    "depth 2",
    `probe: depth 2 from ${threshold} on`,
  ]);
  expect(rows[2].iterations).toBeGreaterThan(1);
  expect(rows[2].iterations).toBeLessThan(2);
  // The model is still the model.
  expect((await sst("eval", "--model", model, "--task", "chain", "--length", "3", "--sequences", "10")).code).toBe(0);
});

test("a model without a stream has no depths to survive", async () => {
  const model = join(scratch, "plain");
  const quick = ["--task", "s3", "--steps", "1", "--length", "4", "--batch-size", "2", "--stream-off"];
  await sst("train", ...quick, "--out", model);
  const { code, stderr } = await sst("probe", "train", "--model", model, "--task", "s3", "--sequences", "5");
  expect(code).toBe(1);
  expect(stderr).toMatch(/depth 2 iterates the state stream, which the model has not/);
  const benchmark = ["--benchmark", "task", "--task", "s3", "--sequences", "5"];
  expect(await sst("eval", "--model", model, ...benchmark, "--probe")).toMatchObject({
    code: 1,
    stderr: /probe\.json/,
  });
});
