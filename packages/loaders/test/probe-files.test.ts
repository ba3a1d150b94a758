/** A probe comes back from its files as it was, and files that do not fit are refused. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Probe, smallDecoder } from "@sst/layers";
import { readProbe, writeProbe } from "@sst/loaders";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "sst-probe-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = smallDecoder({ hiddenSize: 8, vocabSize: 5, numHiddenLayers: 1 });
const numbers = (from: number) => Float32Array.from({ length: 8 }, (_, index) => from + index / 3);
const probe = new Probe({ mean: numbers(-1), scale: numbers(1), weights: numbers(0), bias: 0.25 });

test("written, read, and the same", async () => {
  await writeProbe(folder, probe, { task: "chain" });
  expect(readdirSync(folder).sort()).toEqual(["probe.json", "probe.safetensors"]);
  const read = await readProbe(folder, config);
  expect(read.probe.data).toEqual(probe.data);
  expect(read.report).toEqual({ format_version: 1, task: "chain" });
  await expect(writeProbe(folder, probe, {})).rejects.toMatchObject({ code: "output-exists" });
  await writeProbe(folder, probe, { task: "s3" }, { overwrite: true });
  expect((await readProbe(folder, config)).report).toMatchObject({ task: "s3" });
});

test("what does not fit is refused", async () => {
  await expect(readProbe(folder, { ...config, hiddenSize: 16 })).rejects.toMatchObject({ code: "shape-mismatch" });
  await expect(writeProbe(join(folder, "none"), probe, {})).rejects.toMatchObject({ code: "output-not-writable" });
  const spoilt = new Probe({ ...probe.data, bias: Number.NaN });
  await writeProbe(folder, spoilt, {}, { overwrite: true });
  await expect(readProbe(folder, config)).rejects.toThrowError(/"probe.bias" is not finite/);
  writeFileSync(join(folder, "probe.json"), "{}");
  await expect(readProbe(folder, config)).rejects.toMatchObject({ code: "file-corrupt" });
  rmSync(join(folder, "probe.json"));
  await expect(readProbe(folder, config)).rejects.toMatchObject({ code: "file-not-found" });
});
