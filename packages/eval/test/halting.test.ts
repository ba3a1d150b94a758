/** Depths are read as one by one, and halting rules stop where they should. */
import "@sst/backend-cpu";
import {
  accuracyByDepth,
  type DepthReading,
  evaluateHalting,
  learnedHalting,
  readDepths,
  type SequenceReadings,
  unionOverDepths,
  untilAny,
  untilConfident,
  untilSettled,
} from "@sst/eval";
import { DecoderModel, forward, tokenTensor } from "@sst/layers";
import { memory, Random, ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const reading = (answer: number, right: number, confidence: number, change: number): DepthReading => ({
  answer,
  isRight: answer === right,
  confidence,
  change,
  logits: Float32Array.of(answer, confidence),
});

/** Three depths each: right from the second on; right at once, then wrong; never right. */
const sequences: SequenceReadings[] = [
  [reading(1, 2, 0.5, Number.POSITIVE_INFINITY), reading(2, 2, 0.9, 3), reading(2, 2, 0.95, 0.001)],
  [reading(4, 4, 0.95, Number.POSITIVE_INFINITY), reading(4, 4, 0.6, 0.01), reading(5, 4, 0.9, 2)],
  [reading(7, 0, 0.4, Number.POSITIVE_INFINITY), reading(8, 0, 0.4, 1), reading(9, 0, 0.4, 1)],
];

test("accuracy by depth, and the union under its own name", () => {
  expect(accuracyByDepth(sequences)).toEqual([1 / 3, 2 / 3, 1 / 3]);
  expect(unionOverDepths(sequences)).toBe(2 / 3);
});

test("rules stop where they first hold, and at the maximum where they never do", () => {
  expect(evaluateHalting(sequences, untilConfident(0.9), 3)).toEqual({
    accuracy: 2 / 3,
    meanIterations: (2 + 1 + 3) / 3,
  });
  expect(evaluateHalting(sequences, untilSettled(0.05), 3)).toEqual({
    accuracy: 2 / 3,
    meanIterations: (3 + 2 + 3) / 3,
  });
  expect(evaluateHalting(sequences, untilSettled(0.05), 2)).toEqual({ accuracy: 2 / 3, meanIterations: 2 });
  const either = untilAny(untilConfident(0.95), untilSettled(0.05));
  expect(evaluateHalting(sequences, either, 3)).toEqual({ accuracy: 2 / 3, meanIterations: (3 + 1 + 3) / 3 });
  expect(evaluateHalting(sequences, () => true, 3)).toEqual({ accuracy: 1 / 3, meanIterations: 1 });
});

test("a learned rule finds in the logits that an answer will stay, on sequences that it was not fit on", () => {
  // The answer moves for `needed` iterations; a second logit says, with noise, whether it has arrived.
  const drawn = (seed: string) => {
    const random = new Random(seed);
    return Array.from({ length: 200 }, (): SequenceReadings => {
      const needed = 1 + random.integer(4);
      return [1, 2, 3, 4].map((depth) => {
        const answer = Math.min(depth, needed);
        const arrived = depth >= needed ? 1 : -1;
        const logits = Float32Array.of(random.normal(), arrived + 0.2 * random.normal());
        return { ...reading(answer, needed, 0.9, 1), logits };
      });
    });
  };
  const { accuracy, meanIterations } = evaluateHalting(drawn("test"), learnedHalting(drawn("fit")), 4);
  expect(accuracy).toBeGreaterThan(0.97);
  expect(meanIterations).toBeGreaterThan(2.3);
  expect(meanIterations).toBeLessThan(2.7);
});

test("nothing is learned from answers that all change, or none", () => {
  const still = [[reading(1, 1, 0.9, 1), reading(1, 1, 0.9, 0)]];
  expect(() => learnedHalting(still)).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
});

test("readDepths gives each depth as if there were no deeper one", async () => {
  for (const recirculate of [false, true]) {
    using model = DecoderModel.fromData(
      tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, ...(recirculate && { recirculate }) } }),
    );
    const rows = tinyTokens(5, 6);
    const labels = Int32Array.from(rows.flat(), (token) => token);
    const batch = { batchSize: 5, time: 6, tokens: Int32Array.from(rows.flat()), labels };
    await readDepths(model, [batch], 3);
    const before = memory();
    const readings = await readDepths(model, [batch, batch], 3);
    expect(memory()).toEqual(before);
    expect(readings).toHaveLength(10);
    const weights = model.weights();
    const tokens = tokenTensor(rows, model.config);
    for (const count of [1, 2, 3]) {
      const iterations = { count, positions: [5] };
      const logits = forward(weights, tokens, { iterations, lastPositionOnly: true });
      const expected = logits.arraySync() as number[][][];
      logits.dispose();
      for (const [row, [scores]] of expected.entries()) {
        const {
          answer,
          isRight,
          confidence,
          change,
          logits: given,
        } = (readings[row] as SequenceReadings)[count - 1] as DepthReading;
        const values = scores as number[];
        for (let token = 0; token < tinyConfig.vocabSize; token++) {
          expect(given[token]).toBeCloseTo(values[token] as number, 4);
        }
        expect(answer).toBe(values.indexOf(Math.max(...values)));
        expect(isRight).toBe(answer === rows[row]?.[5]);
        const total = values.reduce((sum, value) => sum + Math.exp(value), 0);
        expect(confidence).toBeCloseTo(Math.exp(values[answer] as number) / total, 4);
        expect(change > 0).toBe(true);
      }
    }
    for (const each of [weights, tokens]) each.dispose();
  }
});
