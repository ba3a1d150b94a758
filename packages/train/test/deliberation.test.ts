/** Training with iterations: what is asked of which column, by plans as by calls, and that depth is learned. */
import "@sst/backend-cpu";
import { DecoderModel, forward, tokenTensor } from "@sst/layers";
import { memory, Random, ready } from "@sst/tensor";
import {
  type Batch,
  type Deliberation,
  deliberatedBatch,
  deliberatedForward,
  drawnIterations,
  lossAndGradients,
  Trainer,
} from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

/** Two rows of three positions; labels tell row, position and, for stages, iteration. */
const batch: Batch = {
  batchSize: 2,
  time: 3,
  tokens: Int32Array.of(1, 2, 3, 4, 5, 6),
  labels: Int32Array.of(-1, 12, 13, -1, 22, 23),
  stagedLabels: [Int32Array.of(-1, 112, 113, -1, 122, 123), Int32Array.of(-1, 212, 213, -1, 222, 223)],
};

function labelsOf(deliberation: Deliberation, lastPositionOnly = false, given = batch): number[][] {
  const options = deliberatedForward(deliberation, 0, { lastPositionOnly });
  const { labels, labelColumns = given.time } = deliberatedBatch(given, deliberation, options);
  return [labels.subarray(0, labelColumns), labels.subarray(labelColumns)].map((row) => Array.from(row));
}

describe("what is asked of which column", () => {
  test("the last iteration of every position", () => {
    expect(labelsOf({ iterations: 3, loss: "last" })).toEqual([
      [-1, 12, 13],
      [-1, 22, 23],
    ]);
  });

  test("all iterations, everywhere and at chosen positions", () => {
    expect(labelsOf({ iterations: 2, loss: "all" })).toEqual([
      [-1, -1, 12, 12, 13, 13],
      [-1, -1, 22, 22, 23, 23],
    ]);
    expect(labelsOf({ iterations: 2, positions: [-2], loss: "all" })).toEqual([
      [-1, 12, 12, 13],
      [-1, 22, 22, 23],
    ]);
  });

  test("stages, and the label itself after the last of them", () => {
    expect(labelsOf({ iterations: 3, positions: [2], loss: "staged" })).toEqual([
      [-1, 112, 113, 213, 13],
      [-1, 122, 123, 223, 23],
    ]);
  });

  test("of the last position only", () => {
    const labels = Int32Array.of(-1, -1, 13, -1, -1, 23);
    const last = { ...batch, labels };
    expect(labelsOf({ iterations: 3, positions: [-1], loss: "staged" }, true, last)).toEqual([
      [113, 213, 13],
      [123, 223, 23],
    ]);
    expect(() => labelsOf({ iterations: 3, loss: "last" }, true)).toThrowError(/row 1 has a label at position 1/);
  });

  test("a staged loss needs stages", () => {
    const { stagedLabels, ...plain } = batch;
    expect(() => labelsOf({ iterations: 2, loss: "staged" }, false, plain)).toThrowError(
      expect.objectContaining({ code: "contradiction" }),
    );
  });
});

test("drawn iterations: within the range, all of it, the same for the same seed and step", () => {
  const draw = drawnIterations(2, 4, 7);
  const drawn = Array.from({ length: 60 }, (_, step) => draw(step));
  expect(new Set(drawn)).toEqual(new Set([2, 3, 4]));
  expect(drawn).toEqual(Array.from({ length: 60 }, (_, step) => drawnIterations(2, 4, 7)(step)));
  expect(() => drawnIterations(3, 2, 0)).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
});

/** One token; iteration i is asked for the token i further on. */
function countingBatch(step: number, iterations: number): Batch {
  const random = new Random(`counting/${step}`);
  const tokens = Int32Array.from({ length: 16 }, () => random.integer(tinyConfig.vocabSize));
  const after = (count: number) => tokens.map((token) => (token + count) % tinyConfig.vocabSize);
  const stagedLabels = Array.from({ length: iterations }, (_, index) => after(index + 1));
  return { batchSize: 16, time: 1, tokens, labels: after(iterations), stagedLabels };
}

const recirculating = { stateStream: { alphaMin: 0.015, alphaMax: 0.1, recirculate: true } };

test("with stages every iteration learns its own answer", async () => {
  using model = DecoderModel.fromData(tinyModel(recirculating));
  using trainer = new Trainer(model, {
    ...{ steps: 80, learningRate: 2e-2, warmupSteps: 5 },
    deliberation: { iterations: 3, loss: "staged" },
  });
  await trainer.run((step) => [countingBatch(step, 3)]);
  const weights = model.weights();
  const tokens = tokenTensor([[4]], model.config);
  const logits = forward(weights, tokens, { iterations: 3, everyIteration: true });
  const rows = (logits.arraySync() as number[][][])[0] as number[][];
  expect(rows.map((row) => row.indexOf(Math.max(...row)))).toEqual([5, 6, 7]);
  for (const each of [weights, tokens, logits]) each.dispose();
});

test("drawn numbers of iterations go through plans to the bit, and leave nothing behind", async () => {
  const deliberation: Deliberation = { iterations: drawnIterations(1, 3, 0), positions: [-1], loss: "staged" };
  const three = (step: number): Batch => {
    const random = new Random(`three/${step}`);
    const draw = () => Int32Array.from({ length: 12 }, () => random.integer(tinyConfig.vocabSize));
    return { batchSize: 4, time: 3, tokens: draw(), labels: draw(), stagedLabels: [draw(), draw()] };
  };
  const before = memory();
  {
    using model = DecoderModel.fromData(tinyModel(recirculating));
    using trainer = new Trainer(model, { steps: 12, learningRate: 1e-2, deliberation });
    for (let step = 0; step < 12; step++) {
      const options = deliberatedForward(deliberation, step);
      const direct = lossAndGradients(
        model,
        [deliberatedBatch(three(step), deliberation, options)],
        model.parameterNames,
        options,
      );
      const loss = direct.loss.dataSync()[0];
      for (const each of [direct.loss, ...Object.values(direct.gradients)]) each.dispose();
      expect((await trainer.step([three(step)])).loss, `step ${step}`).toBe(loss);
    }
  }
  expect(memory()).toEqual(before);
});
