/** Accuracy is counted as by hand, and iterating once at the answer is not iterating. */
import "@sst/backend-cpu";
import { labelAccuracy, lastAnswerByIterations, meanLoss } from "@sst/eval";
import { DecoderModel, forward, tokenTensor } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const rows = tinyTokens(40, 6);

/** Labels that the model gives itself, but wrong ones at position 2 of every second row; none asked for at position 0. */
function batchFor(model: DecoderModel) {
  const weights = model.weights();
  const tokens = tokenTensor(rows, model.config);
  const logits = forward(weights, tokens);
  const values = logits.arraySync() as number[][][];
  for (const each of [weights, tokens, logits]) each.dispose();
  const labels = values.flatMap((row, index) =>
    row.map((scores, position) => {
      if (position === 0) return -1;
      const best = scores.indexOf(Math.max(...scores));
      return position === 2 && index % 2 === 0 ? (best + 1) % tinyConfig.vocabSize : best;
    }),
  );
  return { batchSize: 40, time: 6, tokens: Int32Array.from(rows.flat()), labels: Int32Array.from(labels) };
}

test("labelAccuracy counts by position, for the last and for all answers", async () => {
  using model = DecoderModel.fromData(tinyModel());
  const batch = batchFor(model);
  const before = memory();
  const { last, all, byPosition, sequences } = await labelAccuracy(model, [batch, batch]);
  expect(byPosition).toEqual([1, 0.5, 1, 1, 1]);
  expect(last).toBe(1);
  expect(all).toBeCloseTo(0.9);
  expect(sequences).toBe(80);
  expect(memory()).toEqual(before);
});

test("one iteration at the answer is the plain answer, more of them change it", async () => {
  using model = DecoderModel.fromData(tinyModel());
  const batch = batchFor(model);
  await lastAnswerByIterations(model, batch, 3);
  const before = memory();
  const [one, two, three] = await lastAnswerByIterations(model, batch, 3);
  expect(one).toBe(1);
  expect(two).toBeLessThan(1);
  expect(three).toBeLessThan(1);
  expect(memory()).toEqual(before);
});

test("meanLoss is the mean over labels, whatever the batches", async () => {
  using model = DecoderModel.fromData(tinyModel());
  const batch = batchFor(model);
  const half = (from: number) => ({
    batchSize: 20,
    time: 6,
    tokens: batch.tokens.slice(from * 6, (from + 20) * 6),
    labels: batch.labels.slice(from * 6, (from + 20) * 6),
  });
  const whole = await meanLoss(model, [batch]);
  const parts = await meanLoss(model, [half(0), half(20)]);
  expect(whole.labels).toBe(200);
  expect(parts.loss).toBeCloseTo(whole.loss, 5);
  expect(whole.perplexity).toBeCloseTo(Math.exp(whole.loss), 6);
});
