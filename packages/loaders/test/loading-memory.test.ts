/** What loading takes: never the whole file, whatever its size. Measured in a process of its own, on a file made here. */
import { execFile } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { backboneShapes, type ModelConfig } from "@sst/layers";
import { configToJson, saveModelData } from "@sst/loaders";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyBackbone, tinyConfig } from "../../layers/test/tiny-model.js";

const { stateStream, ...plain } = tinyConfig;
const config: ModelConfig = {
  ...plain,
  hiddenSize: 1024,
  intermediateSize: 4096,
  numHiddenLayers: 11,
  numAttentionHeads: 16,
  numKeyValueHeads: 16,
  headDim: 64,
  vocabSize: 1024,
  tieWordEmbeddings: true,
};
const sizeOf = (shape: readonly number[]) => shape.reduce((left, right) => left * right, 1);
const sizes = Object.values(backboneShapes(config)).map(sizeOf);
const values = sizes.reduce((left, right) => left + right);
const fileBytes = 2 * values;
/** As float32, in which a tensor is packed. */
const largestTensorBytes = 4 * Math.max(...sizes);
/** Pieces of the file, their values as float32, and what the collector has not come to yet. */
const piecesBytes = 48 * 2 ** 20;
/** The packed form of the largest tensor before it lies where it stays, and room that the backend's heap has grown by. */
const backendBytes = 48 * 2 ** 20;

const scratch = mkdtempSync(join(tmpdir(), "sst-memory-"));
const folder = join(scratch, "large");
const warmUp = join(scratch, "small");

beforeAll(async () => {
  await saveModelData(warmUp, tinyBackbone(), { dtype: "bfloat16" });
  writeLargeModel();
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Zeros, which take no room on most disks. */
function writeLargeModel(): void {
  let position = 0;
  const entries = Object.entries(backboneShapes(config)).map(([name, shape]) => {
    const begin = position;
    position += 2 * sizeOf(shape);
    return [name, { dtype: "BF16", shape, data_offsets: [begin, position] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  mkdirSync(folder);
  const file = openSync(join(folder, "model.safetensors"), "w");
  writeSync(file, Buffer.concat([length, json]));
  ftruncateSync(file, 8 + json.length + position);
  closeSync(file);
  writeFileSync(join(folder, "config.json"), JSON.stringify(configToJson(config)));
}

interface Measured {
  readonly values: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

async function measure(mode: "read" | "load"): Promise<Measured> {
  const script = fileURLToPath(new URL("loading-memory.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, mode, warmUp, folder]);
  return JSON.parse(stdout);
}

test("a file is read through in the memory of a few pieces", async () => {
  expect(fileBytes).toBeGreaterThan(350e6);
  const measured = await measure("read");
  expect(measured.values).toBe(values);
  expect(measured.peakBytes).toBeLessThan(piecesBytes);
});

test("a model is loaded in what stays of it and its largest tensor", async () => {
  const { peakBytes, residentBytes } = await measure("load");
  // A byte a value, and a scale for a few of them.
  expect(residentBytes).toBeGreaterThan(values);
  const bound = residentBytes + largestTensorBytes + piecesBytes + backendBytes;
  expect(bound, "the bound says something: the whole file would be beyond it").toBeLessThan(residentBytes + fileBytes);
  expect(peakBytes).toBeLessThan(bound);
});
