/** A model with its adapters merged computes what it computed with them beside. */
import "@sst/backend-cpu";
import { allLinearLayers, DecoderModel, type ModelData, withLora, withMergedAdapters } from "@sst/layers";
import { Random, ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { logitsOf, relativeError, tinyBackbones, tinyModel, tinyTokens, withUnevenVectors } from "./tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const tokens = tinyTokens(2, 9);

/** Adapters that are somewhere: fresh ones add nothing. */
function adapted(data: ModelData, targetModules: readonly string[]): ModelData {
  const { adapter, ...rest } = withLora(data, { rank: 3, alpha: 12, targetModules }, new Random(4));
  const moved = Object.entries(adapter?.weights ?? {}).map(([name, { shape, data: values }]) => [
    name,
    { shape, data: new Random(5).fork(name).normals(values.length, 0.1) },
  ]);
  return { ...rest, adapter: { config: adapter?.config as never, weights: Object.fromEntries(moved) } };
}

async function logits(data: ModelData): Promise<Float32Array> {
  using model = DecoderModel.fromData(data);
  return logitsOf(model, tokens, { iterations: 2 });
}

for (const [name, overrides] of Object.entries({ Llama: {}, ...tinyBackbones })) {
  test(`${name}: all layers, and two kinds of them`, async () => {
    const data = withUnevenVectors(tinyModel(overrides));
    for (const targets of [allLinearLayers, ["q_proj", "down_proj"]]) {
      const beside = adapted(data, targets);
      const merged = withMergedAdapters(beside);
      expect(merged.adapter).toBeUndefined();
      expect(relativeError(await logits(merged), await logits(beside))).toBeLessThan(1e-5);
      expect(relativeError(await logits(data), await logits(beside))).toBeGreaterThan(1e-2);
    }
  });
}

test("a model without adapters is itself", () => {
  expect(withMergedAdapters(tinyModel())).toEqual(tinyModel());
});
