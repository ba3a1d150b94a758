/** How weights are written: in one file or several, as float32 or rounded, and what is in them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allLinearLayers, type ModelData, withLora } from "@sst/layers";
import { readModelData, readSafetensors, saveModelData, type WeightType, writeSafetensors } from "@sst/loaders";
import { Random } from "@sst/tensor";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-save-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let folders = 0;
const newFolder = () => join(scratch, String(folders++));
const json = (folder: string, name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const headerOf = (path: string) => {
  const bytes = readFileSync(path);
  return JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
};

/** All finite values of a type of 16 bits, from small to large, as its definition has them; the index is the bit pattern. */
function magnitudes(exponentBits: number, fractionBits: number): number[] {
  const bias = 2 ** (exponentBits - 1) - 1;
  const finite = (2 ** exponentBits - 1) * 2 ** fractionBits;
  return Array.from({ length: finite }, (_, bits) => {
    const exponent = Math.floor(bits / 2 ** fractionBits);
    const fraction = bits % 2 ** fractionBits;
    return 2 ** (Math.max(exponent, 1) - bias - fractionBits) * (fraction + (exponent > 0 ? 2 ** fractionBits : 0));
  });
}

const types = { float16: magnitudes(5, 10), bfloat16: magnitudes(8, 7) } as const;

/** The nearest value of a type by looking at all of them; of two that are as near the one with an even pattern. */
function nearest(value: number, values: readonly number[]): number | undefined {
  const magnitude = Math.abs(value);
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < magnitude) low = middle + 1;
    else high = middle;
  }
  const below = Math.max(0, low - 1);
  // Above the largest there is one more step, which is infinity's.
  const above = values[low] ?? 2 * (values.at(-1) as number) - (values.at(-2) as number);
  const [down, up] = [magnitude - (values[below] as number), above - magnitude];
  const index = down < up || (down === up && below % 2 === 0) ? below : low;
  const found = values[index];
  return found === undefined ? undefined : (value < 0 || Object.is(value, -0) ? -1 : 1) * found;
}

describe("rounding", () => {
  for (const [dtype, values] of Object.entries(types) as ["float16" | "bfloat16", number[]][]) {
    const written = (data: Float32Array) =>
      readSafetensors(writeSafetensors({ a: { shape: [data.length], data } }, { dtype }), "f").a?.data as Float32Array;

    test(`every ${dtype} comes back as it is`, () => {
      const data = Float32Array.from(values.flatMap((value) => [value, -value]));
      expect(written(data)).toEqual(data);
    });

    test(`what lies between two of ${dtype} goes to the nearer one, from the middle to the even one`, () => {
      const middles = values.slice(1).map((value, index) => (value + (values[index] as number)) / 2);
      const beside = middles.flatMap((value) => [value, value * (1 + 2 ** -22), value * (1 - 2 ** -22)]);
      const data = Float32Array.from(beside.flatMap((value) => [value, -value]));
      expect(written(data)).toEqual(Float32Array.from(data, (value) => nearest(value, values) as number));
    });

    test(`any number as ${dtype}, or refused by name where it is too large`, () => {
      fc.assert(
        fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
          const expected = nearest(value, values);
          if (expected === undefined) {
            expect(() => written(Float32Array.of(0, value))).toThrowError(
              expect.objectContaining({
                code: "not-finite",
                message: expect.stringMatching(/"a": entry 1 is .* cannot hold/),
              }),
            );
          } else expect(written(Float32Array.of(value))).toEqual(Float32Array.of(expected));
        }),
        { numRuns: 2000 },
      );
    });

    test(`no number and infinities are refused by name in ${dtype}`, () => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        expect(() => written(Float32Array.of(value))).toThrowError(/"a": entry 0 is .* cannot hold: write float32/);
      }
    });
  }
});

describe("a folder", () => {
  const model = withLora(
    tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } }),
    { rank: 2, alpha: 4, targetModules: allLinearLayers },
    new Random(3),
  );

  /** The model with a backbone that a type can hold. */
  function representable(data: ModelData, dtype: WeightType): ModelData {
    if (dtype === "float32") return data;
    const round = (values: Float32Array) =>
      Float32Array.from(values, (value) => nearest(value, types[dtype]) as number);
    const weights = Object.entries(data.weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: name.includes("state_stream") ? data : round(data) },
    ]);
    return { ...data, weights: Object.fromEntries(weights) };
  }

  for (const dtype of ["float32", "bfloat16", "float16"] as const) {
    for (const maxShardBytes of [undefined, 3000, 1]) {
      test(`${dtype}, ${maxShardBytes ?? "default"} bytes a file: what it can hold comes back bit for bit`, async () => {
        const folder = newFolder();
        await saveModelData(folder, model, { dtype, ...(maxShardBytes && { maxShardBytes }) });
        expect(await readModelData(folder)).toEqual(representable(model, dtype));
        expect(json(folder, "config.json").torch_dtype).toBe(dtype);
        const again = newFolder();
        await saveModelData(again, representable(model, dtype), { dtype, ...(maxShardBytes && { maxShardBytes }) });
        expect(readdirSync(again)).toEqual(readdirSync(folder));
        for (const name of readdirSync(folder)) {
          expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
        }
      });
    }
  }

  test("several files are named and indexed as Hugging Face's tools have it", async () => {
    const folder = newFolder();
    await saveModelData(folder, model, { dtype: "bfloat16", maxShardBytes: 3000 });
    const { metadata, weight_map } = json(folder, "model.safetensors.index.json");
    const shards = readdirSync(folder).filter((name) => /^model-\d/.test(name));
    const count = String(shards.length).padStart(5, "0");
    expect(shards).toEqual(
      shards.map((_, index) => `model-${String(index + 1).padStart(5, "0")}-of-${count}.safetensors`),
    );
    expect(shards.length).toBeGreaterThan(2);
    expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
    let totalBytes = 0;
    for (const shard of shards) {
      const { __metadata__, ...entries } = headerOf(join(folder, shard));
      expect(__metadata__).toEqual({ format: "pt" });
      const ends = Object.values(entries as Record<string, { dtype: string; data_offsets: number[] }>).map((entry) => {
        expect(entry.dtype).toBe("BF16");
        return entry.data_offsets[1] as number;
      });
      totalBytes += Math.max(...ends);
      expect(Math.max(...ends)).toBeLessThanOrEqual(3000);
      expect(Object.keys(entries).filter((name) => weight_map[name] !== shard)).toEqual([]);
    }
    expect(metadata.total_size).toBe(totalBytes);
    const backbone = Object.keys(model.weights).filter((name) => !name.includes("state_stream"));
    expect(Object.keys(weight_map).sort()).toEqual(backbone.sort());
    for (const name of ["state_stream.safetensors", "adapter_model.safetensors"]) {
      const { __metadata__, ...entries } = headerOf(join(folder, name));
      for (const { dtype } of Object.values(entries) as { dtype: string }[]) expect(dtype, name).toBe("F32");
    }
  });

  test("a value that the type cannot hold is named, and nothing is left of the folder", async () => {
    const name = "model.layers.1.mlp.down_proj.weight";
    const data = tinyModel();
    data.weights[name]?.data.set([70_000], 5);
    const folder = newFolder();
    await expect(saveModelData(folder, data, { dtype: "float16", maxShardBytes: 3000 })).rejects.toMatchObject({
      code: "not-finite",
      message: `tensor "${name}": entry 5 is 70000, which float16 cannot hold: write float32, or bfloat16, which reaches further`,
    });
    expect(readdirSync(scratch).filter((each) => each.startsWith(folder.slice(scratch.length + 1)))).toEqual([]);
    await saveModelData(folder, data, { dtype: "bfloat16" });
    expect(statSync(join(folder, "model.safetensors")).size).toBeGreaterThan(0);
  });

  test("files of no bytes are refused", async () => {
    for (const maxShardBytes of [0, -1, Number.NaN]) {
      await expect(saveModelData(newFolder(), model, { maxShardBytes })).rejects.toMatchObject({
        code: "invalid-argument",
        message: expect.stringContaining("maxShardBytes"),
      });
    }
  });
});
