/** `sst convert` from outside: there and back, bit for bit where nothing is rounded. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allLinearLayers, type ModelData, withLora, withMergedAdapters } from "@sst/layers";
import { loadTokenizer, memorySource, readModelData, saveModelData } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyModel, withUnevenVectors } from "../../../packages/layers/test/tiny-model.js";
import { byteLevelTokenizer, json } from "../../../packages/loaders/test/tokenizer-files.js";
import { sst } from "./run-sst.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-convert-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const sizes = { vocabSize: 259, hiddenSize: 64, intermediateSize: 96, headDim: 16, bosTokenId: 0, eosTokenId: 258 };
/** Gemma's norms would be rounded: a GGUF file holds them as 1 + weight. */
const qwen = { modelType: "qwen3", queryKeyNorm: true } as const;
const folder = (name: string) => join(scratch, name);
let data: ModelData;

/** Adapters that change something. */
function adapted(plain: ModelData): ModelData {
  const lora = { rank: 2, alpha: 4, targetModules: [...allLinearLayers] };
  const { adapter, ...rest } = withLora(plain, lora, new Random(0));
  const weights = Object.entries(adapter?.weights ?? {}).map(([name, { shape, data: values }]) => [
    name,
    { shape, data: new Random(1).fork(name).normals(values.length, 0.1) },
  ]);
  return { ...rest, adapter: { config: lora, weights: Object.fromEntries(weights) } };
}

beforeAll(async () => {
  const tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(byteLevelTokenizer()) }));
  data = withUnevenVectors(tinyModel({ ...sizes, ...qwen, stateStream: { alphaMin: 0.015, alphaMax: 0.1 } }));
  await saveModelData(folder("model"), data, { tokenizer });
  await saveModelData(folder("adapted"), adapted(data), { tokenizer });
});

async function convert(from: string, to: string, out: string, ...more: string[]): Promise<void> {
  const { code, stderr } = await sst("convert", "--model", folder(from), "--to", to, "--out", folder(out), ...more);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

describe("a model with a stream", () => {
  test("to GGUF and back is the same, bit for bit, tokenizer included", async () => {
    await convert("model", "gguf", "gguf");
    expect(readdirSync(folder("gguf")).sort()).toEqual(["model.gguf", "state_stream.safetensors"]);
    await convert("gguf", "huggingface", "back");
    expect(await readModelData(folder("back"))).toEqual(await readModelData(folder("model")));
    const [before, after] = [await loadTokenizer(folder("model")), await loadTokenizer(folder("back"))];
    for (const text of ["abc ab", " two  spaces", "naïve 🙂"]) expect(after.encode(text)).toEqual(before.encode(text));
    const [there, back] = await Promise.all(
      ["model", "gguf"].map((name) =>
        sst("generate", "--model", folder(name), "--prompt", "abc", "--max-new-tokens", "5"),
      ),
    );
    expect([back?.code, back?.stdout]).toEqual([there?.code, there?.stdout]);
  });

  test("rounded to bfloat16 and to Q8_0: near to what it was", async () => {
    await convert("model", "huggingface", "bf16", "--type", "bfloat16");
    await convert("model", "gguf", "q8", "--type", "q8_0");
    const name = "model.layers.0.mlp.up_proj.weight";
    const values = data.weights[name]?.data as Float32Array;
    const largest = Math.max(...values.map(Math.abs));
    for (const [out, step] of [
      ["bf16", 2 ** -8],
      ["q8", 1 / 127],
    ] as const) {
      const found = (await readModelData(folder(out))).weights[name]?.data as Float32Array;
      const off = Math.max(...values.map((value, i) => Math.abs(value - (found[i] as number))));
      expect(off).toBeGreaterThan(0);
      expect(off).toBeLessThan(step * largest);
    }
  });

  test("with its adapters merged", async () => {
    await convert("adapted", "gguf", "merged", "--merge");
    const { weights, adapter } = await readModelData(folder("merged"));
    expect(adapter).toBeUndefined();
    expect(weights).toEqual(withMergedAdapters(adapted(data)).weights);
  });
});

describe("refused, with nothing written", () => {
  const cases: [string, string[], RegExp][] = [
    ["adapters into GGUF", ["--model", folder("adapted"), "--to", "gguf"], /no place: add --merge/],
    ["a type of the other format", ["--model", folder("model"), "--to", "gguf", "--type", "float16"], /none of gguf's/],
    ["another format", ["--model", folder("model"), "--to", "onnx"], /huggingface, gguf/],
    ["no model", ["--model", folder("nowhere"), "--to", "gguf"], /no folder/],
  ];
  for (const [title, parameters, message] of cases) {
    test(title, async () => {
      const { code, stdout, stderr } = await sst("convert", ...parameters, "--out", folder("refused"));
      expect(stderr).toMatch(message);
      expect({ code, stdout, written: existsSync(folder("refused")) }).toEqual({ code: 1, stdout: "", written: false });
    });
  }
});
