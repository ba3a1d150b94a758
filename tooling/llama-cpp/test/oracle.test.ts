/** What llama.cpp cannot compute, against the float64 oracle: Mistral's window, and Gemma's scales of scores. */
import type { ModelConfig } from "@sst/layers";
import { oracleWeights, runOracle } from "@sst/oracle";
import { describe, expect, test } from "vitest";
import { type BackboneCase, backboneCases, lacking } from "./backbones.js";
import { distance, logProbabilities, logSoftmax } from "./ours.js";
import { randomModel, randomTokens } from "./random-model.js";

const { config: llama } = backboneCases["Mistral without its window"] as BackboneCase;
const { config: gemma } = backboneCases["Gemma 3"] as BackboneCase;

const cases: Readonly<Record<string, BackboneCase>> = {
  "Mistral with its window": {
    config: { ...llama, slidingWindow: 12, layerTypes: new Array(3).fill("sliding_attention") },
    without: {
      "its window": { slidingWindow: undefined as never, layerTypes: undefined as never },
      "one position of its window": { slidingWindow: 11 },
    },
  },
  "Gemma 3 with a scale of its own": {
    config: { ...gemma, queryPreAttnScalar: 40 } satisfies ModelConfig,
    without: { "its scale": { queryPreAttnScalar: 24 } },
  },
};

for (const [name, { config, without }] of Object.entries(cases)) {
  describe(name, () => {
    const model = randomModel(config, name);
    const tokens = randomTokens(48, config.vocabSize);
    const expected = logSoftmax(runOracle(config, oracleWeights(model), [tokens]).logits.data, config.vocabSize);

    test("gives the oracle's probabilities", async () => {
      expect(distance(await logProbabilities(model, tokens), expected)).toBeLessThan(1e-4);
    });

    for (const [feature, changes] of Object.entries(without)) {
      test(`would not without ${feature}`, async () => {
        expect(distance(await logProbabilities(lacking(model, changes), tokens), expected)).toBeGreaterThan(1e-2);
      });
    }
  });
}
