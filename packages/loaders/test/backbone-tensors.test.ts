/** Models as they are published: with a vision tower before the names, tables that are computed, a head that is the embedding. */
import type { ModelData } from "@sst/layers";
import { configToJson, memorySource, readModelConfig, readModelData, writeSafetensors } from "@sst/loaders";
import { describe, expect, test } from "vitest";
import { tinyBackbone, tinyBackbones } from "../../layers/test/tiny-model.js";

const { ropeScaling, ...gemmaOverrides } = tinyBackbones["Gemma 3"] as Required<(typeof tinyBackbones)[string]>;
const gemma = tinyBackbone({ ...gemmaOverrides, ropeScaling, headDim: 16, queryPreAttnScalar: 16 });

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const extra = { shape: [2], data: Float32Array.of(1, 2) };

async function reading(config: object, weights: ModelData["weights"]) {
  const notices: string[] = [];
  const files = { "config.json": bytes(config), "model.safetensors": writeSafetensors(weights) };
  const data = await readModelData(memorySource(files), { onNotice: (words) => notices.push(words) });
  return { data, notices };
}

const renamed = (weights: ModelData["weights"], rename: (name: string) => string) =>
  Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [rename(name), tensor]));

describe("Gemma 3 with its vision tower", () => {
  const { architectures, model_type, ...text } = configToJson(gemma.config);
  const config = { model_type: "gemma3", text_config: { ...text, model_type }, vision_config: { hidden_size: 8 } };

  const generations: [string, (name: string) => string, string][] = [
    ["as it was published", (name) => `language_model.${name}`, ""],
    ["as it is saved today", (name) => name.replace(/^model\./, "model.language_model."), "model."],
  ];
  for (const [title, rename, prefix] of generations) {
    test(`${title}: the text part is read, the rest left out with a word`, async () => {
      const vision = {
        [`${prefix}vision_tower.vision_model.embeddings.weight`]: extra,
        [`${prefix}vision_tower.vision_model.layer.weight`]: extra,
        [`${prefix}multi_modal_projector.weight`]: extra,
      };
      const { data, notices } = await reading(config, { ...renamed(gemma.weights, rename), ...vision });
      expect(data.weights).toEqual(gemma.weights);
      expect(data.config).toEqual({ ...gemma.config, embeddingScale: Math.sqrt(gemma.config.hiddenSize) });
      expect(notices).toEqual([
        "left out, since the model of text does without: 2 tensors of vision_tower, multi_modal_projector",
      ]);
    });
  }

  test("a tensor that is missing is named as it is called here", async () => {
    const { "model.norm.weight": left, ...rest } = gemma.weights;
    await expect(
      reading(
        config,
        renamed(rest, (name) => `language_model.${name}`),
      ),
    ).rejects.toThrowError(/lacks the tensor "model.norm.weight"/);
  });
});

test("rotary tables of older files, and the head of a model whose embedding it is, are left out", async () => {
  const tied = tinyBackbone({ tieWordEmbeddings: true });
  const head = tied.weights["model.embed_tokens.weight"] as typeof extra;
  const beside = { "model.layers.0.self_attn.rotary_emb.inv_freq": extra, "lm_head.weight": head };
  const { data, notices } = await reading(configToJson(tied.config), { ...tied.weights, ...beside });
  expect(data).toEqual(tied);
  expect(notices.join()).toContain("inv_freq, lm_head.weight");
});

test("nothing is left out silently of another backbone", async () => {
  const { config, weights } = tinyBackbone();
  await expect(reading(configToJson(config), { ...weights, "vision_tower.weight": extra })).rejects.toThrowError(
    /no tensor "vision_tower.weight"/,
  );
});

test("a config without weights", async () => {
  const { config } = tinyBackbone();
  expect(await readModelConfig(memorySource({ "config.json": bytes(configToJson(config)) }))).toEqual(config);
});
