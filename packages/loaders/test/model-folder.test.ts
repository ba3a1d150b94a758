/** Model folders: what is saved loads again bit for bit, what is damaged is refused by name, nothing is written half. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@sst/backend-cpu";
import { allLinearLayers, DecoderModel, type ModelData, withLora } from "@sst/layers";
import {
  createTask,
  loadVocabulary,
  memorySource,
  modelFiles,
  readModelData,
  requireWritable,
  saveModel,
  saveModelData,
  saveModels,
  writeSafetensors,
} from "@sst/loaders";
import { Random, ready } from "@sst/tensor";
import { describeWhere, sharedGolden } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyBackbone, tinyModel } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-loaders-"));
const lora = { rank: 2, alpha: 4, targetModules: allLinearLayers };

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

afterAll(() => rmSync(scratch, { recursive: true }));

describe("saving and loading", () => {
  const kinds: [string, ModelData][] = [
    ["with a stream", tinyModel()],
    ["with recirculation", tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } })],
    ["without one", tinyBackbone({ tieWordEmbeddings: true })],
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

  test("trying a place beforehand leaves nothing there", async () => {
    await requireWritable(join(scratch, "not", "yet", "there"));
    expect(existsSync(join(scratch, "not"))).toBe(false);
    mkdirSync(join(scratch, "there"));
    await requireWritable(join(scratch, "there", "below"));
    expect(readdirSync(join(scratch, "there"))).toEqual([]);
  });

  test("the folder is open to whom new folders are open to", async () => {
    const [made, written] = [join(scratch, "made"), join(scratch, "written")];
    mkdirSync(made);
    await saveModelData(written, tinyBackbone({ tieWordEmbeddings: true }));
    expect(statSync(written).mode).toBe(statSync(made).mode);
    expect(readdirSync(written).sort()).toEqual(["config.json", "model.safetensors"]);
  });

  test("the working directory and those above it are not replaced", async () => {
    for (const folder of [".", "..", "../.."]) {
      const attempt = requireWritable(folder, { overwrite: true });
      await expect(attempt).rejects.toThrowError(/holds the working directory/);
    }
  });
});

describeWhere(sharedGolden(), "no golden models here (SST_GOLDEN_DIR)", "golden models", () => {
  const known: [string, object][] = [
    ["tiny-llama", { tieWordEmbeddings: true, numKeyValueHeads: 2, stateStream: { alphaMin: 0.015, alphaMax: 0.1 } }],
    ["tiny-llama-wide", { tieWordEmbeddings: false, numKeyValueHeads: 1, stateStream: { alphaMin: 0, alphaMax: 0.9 } }],
  ];
  for (const [name, config] of known) {
    test(`${name} is read, and comes back bit for bit from what is written of it`, async () => {
      const data = await readModelData(join(sharedGolden() as string, name));
      expect(data.config).toMatchObject(config);
      expect("lm_head.weight" in data.weights).toBe(!data.config.tieWordEmbeddings);
      expect(await readModelData(memorySource(modelFiles(data)))).toEqual(data);
    });
  }
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
    const weights = Object.fromEntries(
      backbone.map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
    );
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
    ["scaled rotary embeddings", { rope_scaling: { type: "longrope" } }, /rope_scaling.rope_type is "longrope"/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act is "gelu"/],
    [
      "another version of the stream",
      { state_stream: { format_version: 2, alpha_min: 0, alpha_max: 0 } },
      /format_version is 2/,
    ],
    ["bounds the wrong way round", { state_stream: { alpha_min: 0.5, alpha_max: 0.1 } }, /alpha_min.*above/],
    ["scaled rotary embeddings in newer files", { rope_parameters: { rope_type: "yarn" } }, /rope_type is "yarn"/],
    ["two rotary bases", { rope_parameters: { rope_theta: 5 } }, /rope_theta is 10000, but .* say 5/],
    ["rotary embeddings of a part", { partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5/],
    ["quantised weights", { quantization_config: { bits: 4 } }, /quantization_config/],
    ["a stream of another kind", { state_stream: { alpha_min: 0, alpha_max: 0, gate: 1 } }, /state_stream.gate/],
    ["more layers than there can be", { num_hidden_layers: 1e9 }, /num_hidden_layers/],
    ["a size that is no number", { hidden_size: "wide" }, /hidden_size/],
    ["heads that do not divide", { num_key_value_heads: 3 }, /no multiple/],
  ];
  for (const [title, change, pattern] of configs) {
    test(`${title} in config.json`, () => expect(reading(json(change))).rejects.toThrowError(pattern));
  }

  test("a stream's file without a stream in the config", async () => {
    await expect(reading(json({ state_stream: undefined }))).rejects.toThrowError(
      /state_stream.safetensors, but config.json/,
    );
  });

  test("config.json of older models, without a version of the stream, is read", async () => {
    const { config } = await reading(json({ state_stream: { alpha_min: 0.1, alpha_max: 0.8 } }));
    expect(config).toEqual(tinyModel().config);
  });

  test("config.json of newer models, with its rotary base in rope_parameters, is read", async () => {
    const change = json({ rope_theta: undefined, rope_parameters: { rope_type: "default", rope_theta: 500_000 } });
    expect((await reading(change)).config.ropeTheta).toBe(500_000);
  });

  test("adapters that compute something else, and half an adapter", async () => {
    const whole = modelFiles(withLora(tinyModel(), lora, new Random(0)));
    const { "adapter_model.safetensors": weights, "adapter_config.json": config, ...rest } = whole;
    const object = JSON.parse(new TextDecoder().decode(config));
    const adapted = (change: object) => {
      const changed = new TextEncoder().encode(JSON.stringify({ ...object, ...change }));
      return readModelData(memorySource({ ...whole, "adapter_config.json": changed }));
    };
    await expect(adapted({ use_rslora: true })).rejects.toThrowError(/use_rslora is true; supported is false/);
    await expect(adapted({ alpha_pattern: { q_proj: 8 } })).rejects.toThrowError(/alpha_pattern is \{"q_proj":8\}/);
    await expect(adapted({ r: 3 })).rejects.toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
    const half = memorySource({ ...rest, "adapter_model.safetensors": weights as Uint8Array });
    await expect(readModelData(half)).rejects.toThrowError(/no file "adapter_config.json"/);
    const unprefixed = writeSafetensors({ "model.x.lora_A.weight": { shape: [1], data: new Float32Array(1) } });
    const other = memorySource({ ...whole, "adapter_model.safetensors": unprefixed });
    await expect(readModelData(other)).rejects.toThrowError(/should begin with "base_model.model."/);
  });

  test("an adapter of another backbone: wider, deeper, or with other modules", async () => {
    const own = modelFiles(tinyModel());
    const others: [ModelData, RegExp][] = [
      [
        withLora(tinyModel({ hiddenSize: 32, headDim: 8 }), lora, new Random(0)),
        /layers\.0\.self_attn\.q_proj\.lora_A.*\[2,32\].*\[2,16\].*another backbone/,
      ],
      [withLora(tinyModel({ numHiddenLayers: 3 }), lora, new Random(0)), /layers\.2\..* needs none.*another backbone/],
      [withLora(tinyModel({ numHiddenLayers: 1 }), lora, new Random(0)), /layers\.1\..* is none.*another backbone/],
    ];
    for (const [other, message] of others) {
      const files = modelFiles(other);
      const mixed = Object.entries(files).filter(([name]) => name.startsWith("adapter_"));
      const source = memorySource({ ...own, ...Object.fromEntries(mixed) });
      await expect(readModelData(source)).rejects.toMatchObject({ code: "shape-mismatch", message });
    }
  });

  test("adapters have PEFT's names on disk", () => {
    const bytes = modelFiles(withLora(tinyModel(), lora, new Random(0)))["adapter_model.safetensors"] as Uint8Array;
    const header = JSON.parse(
      new TextDecoder().decode(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))),
    );
    expect(Object.keys(header)).toContain("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
    expect(readFileSync(join(scratch, "with adapters", "adapter_config.json"), "utf8")).toContain('"lora_alpha": 4');
  });
});
