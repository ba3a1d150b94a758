/** Iterations, at all positions and at chosen ones, with recirculation and without, against the step-by-step oracle. */
import "@sst/backend-cpu";
import { DecoderModel, type ForwardOptions, forward, type ModelConfig, tokenTensor } from "@sst/layers";
import { labelLoss, oracleWeights, runOracle, runSteps, stepLossDerivatives } from "@sst/oracle";
import { Random, ready } from "@sst/tensor";
import { deliberatedBatch, deliberatedForward, lossAndGradients } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import {
  relativeError,
  tinyBackbones,
  tinyConfig,
  tinyModel,
  tinyTokens,
  withUnevenVectors,
} from "../../../packages/layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const time = 7;
const tokens = tinyTokens(2, time);

const places: [string, number, readonly number[] | undefined][] = [
  ["2 everywhere", 2, undefined],
  ["3 everywhere", 3, undefined],
  ["4 at the last position", 4, [-1]],
  ["3 at the first position", 3, [0]],
  ["3 in the middle, two neighbours", 3, [2, 3]],
  ["2 in disorder, one named twice", 2, [5, 1, -6]],
];

function iterationsAt(count: number, positions: readonly number[] | undefined): (position: number) => number {
  const chosen = positions?.map((position) => (position + time) % time);
  return (position) => (chosen === undefined || chosen.includes(position) ? count : 1);
}

/** A model whose recirculation is somewhere: trained, as it were. */
function model(recirculate: boolean, overrides: Partial<ModelConfig> = {}) {
  const stateStream = { alphaMin: 0.1, alphaMax: 0.8, ...(recirculate && { recirculate }) };
  const data = withUnevenVectors(tinyModel({ ...overrides, stateStream }, 5));
  const random = new Random("recirculation");
  const weights = Object.entries(data.weights).map(([name, { shape, data: values }]) => {
    if (!name.includes("state_stream.")) return [name, { shape, data: values }];
    return [name, { shape, data: values.map((value) => value + 0.3 * random.normal()) }];
  });
  return { ...data, weights: Object.fromEntries(weights) as typeof data.weights };
}

const models: [string, ReturnType<typeof model>][] = [
  ["as defined", model(false)],
  ["with recirculation", model(true)],
  ["with recirculation, tied, three layers", model(true, { tieWordEmbeddings: true, numHiddenLayers: 3 })],
  ["Gemma 3, with recirculation", model(true, tinyBackbones["Gemma 3"])],
  ["Qwen 3, half of it sliding, as defined", model(false, tinyBackbones["Qwen 3, half of it sliding"])],
];

for (const [name, data] of models) {
  describe(name, () => {
    for (const [title, count, positions] of places) {
      const at = iterationsAt(count, positions);
      const iterations = positions ? { count, positions } : count;

      test(`logits after every iteration: ${title}`, () => {
        using decoder = DecoderModel.fromData(data);
        const weights = decoder.weights();
        const input = tokenTensor(tokens, data.config);
        const run = (options: ForwardOptions) => {
          const logits = forward(weights, input, { iterations, ...options });
          const values = logits.dataSync() as Float32Array;
          logits.dispose();
          return values;
        };
        const rows = tokens.map((row) => runSteps(data.config, oracleWeights(data), row, at));
        const all = rows.flatMap((row) => row.flatMap((logits) => [...logits]));
        expect(relativeError(run({ everyIteration: true }), all)).toBeLessThan(5e-5);
        // Positions of all columns, to know each position's last.
        const positionsOf = Array.from({ length: time }, (_, position) =>
          new Array(at(position)).fill(position),
        ).flat();
        const isLast = (column: number) => positionsOf[column] !== positionsOf[column + 1];
        const lastOfEach = rows.flatMap((row) =>
          row.filter((_, column) => isLast(column)).flatMap((each) => [...each]),
        );
        expect(relativeError(run({}), lastOfEach)).toBeLessThan(5e-5);
        const last = rows.flatMap((row) => row.slice(-at(time - 1)).flatMap((logits) => [...logits]));
        expect(relativeError(run({ everyIteration: true, lastPositionOnly: true }), last)).toBeLessThan(5e-5);
        weights.dispose();
        input.dispose();
      });

      // Differences of whole models take their time: the shapes have been seen by the models before.
      if (name.includes("three layers") && count !== 4) continue;
      test(`loss and gradients, staged: ${title}`, () => {
        using decoder = DecoderModel.fromData(data);
        const random = new Random(`${name}/${title}`);
        const labels = () => Int32Array.from(tokens.flat(), () => random.integer(tinyConfig.vocabSize + 3) - 3);
        const stagedLabels = Array.from({ length: 2 }, labels);
        const batch = { batchSize: 2, time, tokens: Int32Array.from(tokens.flat()), labels: labels(), stagedLabels };
        const deliberation = { iterations: count, loss: "staged", ...(positions && { positions }) } as const;
        const options = deliberatedForward(deliberation, 0);
        const found = lossAndGradients(
          decoder,
          [deliberatedBatch(batch, deliberation, options)],
          decoder.parameterNames,
          options,
        );
        // What is asked of each iteration, by the definition of the stages.
        const rows = tokens.map((row, b) => ({
          tokens: row,
          labels: row.flatMap((_, position) =>
            Array.from(
              { length: at(position) },
              (_, i) => (stagedLabels[i] ?? batch.labels)[b * time + position] as number,
            ),
          ),
        }));
        const logits = rows.flatMap((row) => runSteps(data.config, oracleWeights(data), row.tokens, at));
        const loss = labelLoss(
          logits,
          rows.flatMap((row) => row.labels),
        );
        expect(found.loss.dataSync()[0]).toBeCloseTo(loss, 5);
        for (const parameter of decoder.parameterNames) {
          const given = found.gradients[parameter]?.dataSync() as Float32Array;
          const entries = Array.from({ length: 1 }, () => random.integer(given.length));
          const expected = stepLossDerivatives(data, rows, at, parameter, entries);
          const size = Math.max(...given.map(Math.abs), 1e-6);
          for (const [index, entry] of entries.entries()) {
            const error = Math.abs((given[entry] as number) - (expected[index] as number)) / size;
            expect(error, parameter).toBeLessThan(1e-4);
          }
        }
        found.loss.dispose();
        for (const gradient of Object.values(found.gradients)) gradient.dispose();
      });
    }
  });
}

test("the two oracles agree where both know the answer", () => {
  const data = model(false);
  const { logits } = runOracle(data.config, oracleWeights(data), tokens, { iterations: 3 });
  const rows = tokens.map((row) => runSteps(data.config, oracleWeights(data), row, () => 3));
  const last = rows.flatMap((row) => row.filter((_, column) => column % 3 === 2).flatMap((each) => [...each]));
  expect(relativeError(last, logits.data)).toBeLessThan(1e-12);
});
