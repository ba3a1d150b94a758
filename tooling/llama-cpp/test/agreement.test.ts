/** The same weights in both formats, the same tokens: llama.cpp and we, for every backbone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelData } from "@sst/layers";
import { readModelData, saveGguf, saveModelData } from "@sst/loaders";
import { describeWhere } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { placeholderTokenizer } from "../src/index.js";
import { type BackboneCase, backboneCases, lacking } from "./backbones.js";
import { engineMissing, logProbabilitiesOfLlamaCpp } from "./engine.js";
import { distance, logProbabilities } from "./ours.js";
import { randomModel, randomTokens } from "./random-model.js";

/** Of log probabilities, where p > 1e-6. */
const TOLERANCE = 1e-3;

const PROMPT = 48;

describeWhere(engineMissing === "", engineMissing, "llama.cpp and we", () => {
  for (const [name, backbone] of Object.entries(backboneCases)) describe(name, () => agrees(name, backbone));
});

function agrees(name: string, { config, without }: BackboneCase): void {
  const folder = mkdtempSync(join(tmpdir(), "sst-llama-cpp-"));
  const model = randomModel(config, name);
  const tokens = randomTokens(PROMPT, config.vocabSize);
  let expected: Float64Array[];
  let inGguf: ModelData;
  let inSafetensors: ModelData;

  beforeAll(async () => {
    await saveGguf(join(folder, "gguf"), model, { tokenizer: await placeholderTokenizer(config.vocabSize) });
    await saveModelData(join(folder, "safetensors"), model);
    inGguf = await readModelData(join(folder, "gguf"));
    inSafetensors = await readModelData(join(folder, "safetensors"));
    expected = await logProbabilitiesOfLlamaCpp(join(folder, "gguf", "model.gguf"), tokens);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("give the same probabilities, from either format", async () => {
    const felt = expected.flatMap((row) => [...row]).filter((value) => value > Math.log(1e-6)).length;
    expect(felt).toBeGreaterThan((PROMPT * config.vocabSize) / 2);
    for (const read of [inGguf, inSafetensors]) {
      const found = distance(await logProbabilities(read, tokens), expected);
      console.log(`${name}: log probabilities at most ${found} apart`);
      expect(found).toBeLessThan(TOLERANCE);
    }
  });

  for (const [feature, changes] of Object.entries(without)) {
    test(`would not without ${feature}`, async () => {
      const found = distance(await logProbabilities(lacking(inGguf, changes), tokens), expected);
      console.log(`${name} without ${feature}: ${found} apart`);
      expect(found).toBeGreaterThan(10 * TOLERANCE);
    });
  }
}
