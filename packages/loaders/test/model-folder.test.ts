/** Model folders: what is saved loads again bit for bit, what is damaged is refused by name, nothing is written half. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@sst/backend-cpu";
import { allLinearLayers, DecoderModel, type ModelData, withLora } from "@sst/layers";
import { createTask, loadVocabulary, memorySource, modelFiles, readModelData, saveModel, saveModels, writeSafetensors } from "@sst/loaders";
import { Random, ready } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-loaders-"));
const lora = { rank: 2, alpha: 4, targetModules: allLinearLayers };

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

afterAll(() => rmSync(scratch, { recursive: true }));

function plain(): ModelData {
  const { config, weights } = tinyModel({ tieWordEmbeddings: true });
  const { stateStream, ...rest } = config;
  return { config: rest, weights: Object.fromEntries(Object.entries(weights).filter(([name]) => !name.endsWith("theta"))) };
}

describe("saving and loading", () => {
  const kinds: [string, ModelData][] = [
    ["with a stream", tinyModel()],
    ["without one", plain()],
    ["with adapters", withLora(tinyModel(), lora, new Random(3))],
  ];
  for (const [name, data] of kinds) {
    test(`a model ${name} comes back bit for bit`, async () => {
      using model = DecoderModel.fromData(data);
      const folder = join(scratch, name);
      await saveModel(folder, model);
      expect(await readModelData(folder)).toEqual(data);
    });
  }

  test("the vocabulary comes along", async () => {
    const task = createTask("s3");
    using model = DecoderModel.fromData(tinyModel());
    await saveModel(join(scratch, "labels"), model, { vocabulary: task.vocabulary });
    expect((await loadVocabulary(join(scratch, "labels")))?.tokens).toEqual(task.vocabulary.tokens);
    expect(await loadVocabulary(join(scratch, "without one"))).toBeUndefined();
  });

  test("several models are one folder", async () => {
    using model = DecoderModel.fromData(tinyModel());
    await saveModels(join(scratch, "pair"), [
      { name: "a", model },
      { name: "b", model },
    ]);
    expect(await readModelData(join(scratch, "pair", "b"))).toEqual(tinyModel());
  });
});

describe("output", () => {
  test("what exists is kept, unless it is to be replaced", async () => {
    const folder = join(scratch, "kept");
    using first = DecoderModel.fromData(tinyModel({}, 1));
    using second = DecoderModel.fromData(tinyModel({}, 2));
    await saveModel(folder, first);
    await expect(saveModel(folder, second)).rejects.toThrowError(expect.objectContaining({ code: "output-exists" }));
    expect(await readModelData(folder)).toEqual(tinyModel({}, 1));
    await saveModel(folder, second, { overwrite: true });
    expect(await readModelData(folder)).toEqual(tinyModel({}, 2));
  });

  test("a place that cannot be written is named, and nothing is left", async () => {
    writeFileSync(join(scratch, "file"), "");
    using model = DecoderModel.fromData(tinyModel());
    const attempt = saveModel(join(scratch, "file", "below"), model);
    await expect(attempt).rejects.toThrowError(expect.objectContaining({ code: "output-not-writable" }));
    expect(readdirSync(scratch).filter((name) => name.includes("partial"))).toEqual([]);
    expect(existsSync(join(scratch, "file"))).toBe(true);
  });
});

describe("damaged folders", () => {
  const files = modelFiles(tinyModel());
  const reading = (changed: Record<string, Uint8Array>) => readModelData(memorySource({ ...files, ...changed }));
  const json = (change: object) => {
    const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
    return { "config.json": new TextEncoder().encode(JSON.stringify({ ...config, ...change })) };
  };
  const weightsWith = (change: (weights: Record<string, { shape: readonly number[]; data: Float32Array }>) => void) => {
    const backbone = Object.entries(tinyModel().weights).filter(([name]) => !name.endsWith("theta"));
    const weights = Object.fromEntries(backbone.map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
    change(weights);
    return { "model.safetensors": writeSafetensors(weights) };
  };
  const name = "model.layers.1.mlp.down_proj.weight";

  test("a value that is not finite, by tensor", async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const changed = weightsWith((weights) => weights[name]?.data.set([value], 5));
      await expect(reading(changed)).rejects.toThrowError(expect.objectContaining({ code: "not-finite" }));
      await expect(reading(changed)).rejects.toThrowError(new RegExp(`"${name}".*entry 5`));
    }
  });

  test("a tensor of the wrong shape, by name and shapes", async () => {
    const changed = weightsWith((weights) => {
      weights[name] = { shape: [24, 16], data: new Float32Array(384) };
    });
    await expect(reading(changed)).rejects.toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
    await expect(reading(changed)).rejects.toThrowError(/\[16,24\], but is \[24,16\]/);
  });

  test("a tensor that is missing, and one too many", async () => {
    const missing = weightsWith((weights) => delete weights[name]);
    await expect(reading(missing)).rejects.toThrowError(new RegExp(`lacks the tensor "${name}"`));
    const extra = weightsWith((weights) => {
      weights["model.extra"] = { shape: [1], data: new Float32Array(1) };
    });
    await expect(reading(extra)).rejects.toThrowError(/no tensor "model.extra"/);
  });

  const configs: [string, object, RegExp][] = [
    ["another kind of model", { model_type: "mamba" }, /model_type is "mamba"/],
    ["scaled rotary embeddings", { rope_scaling: { type: "linear" } }, /rope_scaling/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act is "gelu"/],
    ["another version of the stream", { state_stream: { format_version: 2, alpha_min: 0, alpha_max: 0 } }, /format_version is 2/],
    ["bounds the wrong way round", { state_stream: { alpha_min: 0.5, alpha_max: 0.1 } }, /alpha_min.*above/],
    ["a size that is no number", { hidden_size: "wide" }, /hidden_size/],
    ["heads that do not divide", { num_key_value_heads: 3 }, /no multiple/],
  ];
  for (const [title, change, pattern] of configs) {
    test(`${title} in config.json`, () => expect(reading(json(change))).rejects.toThrowError(pattern));
  }

  test("a stream's file without a stream in the config", async () => {
    await expect(reading(json({ state_stream: undefined }))).rejects.toThrowError(/state_stream.safetensors, but config.json/);
  });

  test("config.json of older models, without a version of the stream, is read", async () => {
    const { config } = await reading(json({ state_stream: { alpha_min: 0.1, alpha_max: 0.8 } }));
    expect(config).toEqual(tinyModel().config);
  });

  test("adapters have PEFT's names on disk", () => {
    const bytes = modelFiles(withLora(tinyModel(), lora, new Random(0)))["adapter_model.safetensors"] as Uint8Array;
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))));
    expect(Object.keys(header)).toContain("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
    expect(readFileSync(join(scratch, "with adapters", "adapter_config.json"), "utf8")).toContain('"lora_alpha": 4');
  });
});
