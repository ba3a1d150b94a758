/** The product against the oracle, on models like the golden ones and unlike them. */
import "@sst/backend-cpu";
import { DecoderModel, forward, type ModelConfig, tokenTensor } from "@sst/layers";
import { lossDerivatives, nextTokenLoss, type OracleOptions, oracleWeights, runOracle } from "@sst/oracle";
import { Random, ready } from "@sst/tensor";
import { lossAndGradients, nextTokenBatch } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import {
  relativeError,
  tinyBackbones,
  tinyModel,
  tinyTokens,
  withUnevenVectors,
} from "../../../packages/layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const models: [string, Partial<ModelConfig>][] = [
  ["the paper's alpha, tied", { stateStream: { alphaMin: 0.015, alphaMax: 0.1 }, tieWordEmbeddings: true }],
  ["a wide alpha, one key head", { stateStream: { alphaMin: 0, alphaMax: 0.9 }, numKeyValueHeads: 1 }],
  [
    "odd sizes, three layers",
    { hiddenSize: 18, numAttentionHeads: 3, numKeyValueHeads: 3, headDim: 6, intermediateSize: 13, numHiddenLayers: 3 },
  ],
  ["heads wider than the model", { numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 12, ropeTheta: 500_000 }],
  ...Object.entries(tinyBackbones),
];

const runs: [string, OracleOptions][] = [
  ["stream off", { streamOff: true }],
  ["sequential", {}],
  ["sequential, 2 iterations", { iterations: 2 }],
  ["sequential, 3 iterations", { iterations: 3 }],
  ["layerwise, 3, scan, 2 iterations", { solver: "layerwise", sweeps: 3, iterations: 2 }],
  ["two-pass, 2, shift, 3 iterations", { solver: "two-pass", sweeps: 2, propagation: "shift", iterations: 3 }],
  ...([1, 2, 4] as const).flatMap((sweeps) =>
    (["layerwise", "two-pass"] as const).flatMap((solver) =>
      (["shift", "scan"] as const).map((propagation): [string, OracleOptions] => [
        `${solver}, ${sweeps}, ${propagation}`,
        { solver, sweeps, propagation },
      ]),
    ),
  ),
];

const tokens = tinyTokens(2, 7);

for (const [name, overrides] of models) {
  describe(name, () => {
    const data = withUnevenVectors(tinyModel(overrides, 3));

    for (const [title, options] of runs) {
      test(`logits: ${title}`, () => {
        using model = DecoderModel.fromData(data);
        const weights = model.weights();
        const input = tokenTensor(tokens, data.config);
        const logits = forward(weights, input, options);
        const expected = runOracle(data.config, oracleWeights(data), tokens, options).logits;
        expect(logits.shape).toEqual(expected.shape);
        expect(relativeError(logits.dataSync() as Float32Array, expected.data)).toBeLessThan(5e-5);
        for (const each of [weights, input, logits]) each.dispose();
      });
    }

    for (const [title, options] of runs.filter(([, { sweeps = 2 }]) => sweeps === 2)) {
      test(`loss and gradients: ${title}`, () => {
        using model = DecoderModel.fromData(data);
        const found = lossAndGradients(
          model,
          [nextTokenBatch(tokens.map((row) => row))],
          model.parameterNames,
          options,
        );
        const loss = nextTokenLoss(runOracle(data.config, oracleWeights(data), tokens, options).logits, tokens);
        expect(found.loss.dataSync()[0]).toBeCloseTo(loss, 5);
        const random = new Random(title);
        for (const parameter of model.parameterNames) {
          const given = found.gradients[parameter]?.dataSync() as Float32Array;
          const entries = Array.from({ length: 3 }, () => random.integer(given.length));
          const expected = lossDerivatives(data, tokens, options, parameter, entries);
          const size = Math.max(...given.map(Math.abs), 1e-6);
          for (const [index, entry] of entries.entries()) {
            expect(Math.abs((given[entry] as number) - (expected[index] as number)) / size, parameter).toBeLessThan(
              1e-4,
            );
          }
        }
        found.loss.dispose();
        for (const gradient of Object.values(found.gradients)) gradient.dispose();
      });
    }
  });
}
