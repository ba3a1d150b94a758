/** The trainer: it learns, it repeats itself, it leaves nothing behind, and it stops before a number that is not one. */
import "@sst/backend-cpu";
import { heapBytes } from "@sst/backend-cpu";
import { DecoderModel } from "@sst/layers";
import { memory, Random, ready } from "@sst/tensor";
import { type Batch, lossAndGradients, nextTokenBatch, type StepReport, Trainer, warmupCosine } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const options = { steps: 30, learningRate: 1e-2, warmupSteps: 5 };

/** Every row counts upwards from a random token: easy to learn. */
function countingBatch(step: number): Batch {
  const random = new Random(`counting/${step}`);
  const rows = Array.from({ length: 8 }, () => {
    const start = random.integer(11);
    return Array.from({ length: 7 }, (_, index) => (start + index) % 11);
  });
  return nextTokenBatch(rows);
}

/** Batches of several lengths, each of which comes again. */
function countingBatches(step: number): Batch[] {
  const rows = tinyTokens(4, 5 + (step % 3)).map((row) => [...row, step % 11]);
  return step % 4 === 0 ? [nextTokenBatch(rows), countingBatch(step)] : [nextTokenBatch(rows)];
}

async function train(seed = 0): Promise<{ reports: StepReport[]; weights: Float32Array }> {
  using model = DecoderModel.fromData(tinyModel({}, seed));
  using trainer = new Trainer(model, options);
  const reports: StepReport[] = [];
  await trainer.run(
    (step) => [countingBatch(step)],
    (report) => reports.push(report),
  );
  const { weights } = await model.toData();
  return { reports, weights: weights["lm_head.weight"]?.data as Float32Array };
}

describe("Trainer", () => {
  test("learns, and the same seed gives the same bits", async () => {
    const first = await train();
    expect(first.reports[0]?.loss).toBeGreaterThan(2);
    expect(first.reports.at(-1)?.loss).toBeLessThan(1);
    const second = await train();
    expect(second.reports.map(({ loss }) => loss)).toEqual(first.reports.map(({ loss }) => loss));
    expect(second.weights).toEqual(first.weights);
  });

  test("by recorded plans, the bits of the calls themselves", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using called = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, options);
    // Who wants to hear of residuals is told of them by the calls.
    using direct = new Trainer(called, { ...options, forward: { onResidual: () => {} } });
    for (let step = 0; step < 12; step++) {
      const batches = countingBatches(step);
      const { durationMs: _, ...report } = await trainer.step(batches);
      expect(report).toEqual((({ durationMs: __, ...rest }) => rest)(await direct.step(batches)));
    }
    for (const name of model.parameterNames) {
      expect(model.tensor(name).dataSync(), name).toEqual(called.tensor(name).dataSync());
    }
  });

  test("tensors, bytes and the WebAssembly heap return to their start", async () => {
    await train();
    const before = { ...memory(), heap: heapBytes() };
    await train();
    expect({ ...memory(), heap: heapBytes() }).toEqual(before);
  });

  test("accumulated batches count as one large batch", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const rows = tinyTokens(6, 5);
    const whole = lossAndGradients(model, [nextTokenBatch(rows)], model.parameterNames);
    const parts = [rows.slice(0, 2), rows.slice(2)].map((part) => nextTokenBatch(part));
    const accumulated = lossAndGradients(model, parts, model.parameterNames);
    expect(accumulated.loss.dataSync()[0]).toBeCloseTo(whole.loss.dataSync()[0] as number, 5);
    for (const name of model.parameterNames) {
      const [given, expected] = [accumulated.gradients[name], whole.gradients[name]];
      expect(relativeError(given?.dataSync() ?? [], expected?.dataSync() ?? []), name).toBeLessThan(1e-5);
    }
  });

  test("a parameter that is not trainable stays as it is", async () => {
    const data = tinyModel();
    using model = DecoderModel.fromData(data);
    using trainer = new Trainer(model, { ...options, trainable: (name) => name.endsWith("theta") });
    await trainer.step([countingBatch(0)]);
    const after = await model.toData();
    for (const [name, { data: values }] of Object.entries(after.weights)) {
      const before = data.weights[name]?.data;
      if (name.endsWith("theta")) expect(values, name).not.toEqual(before);
      else expect(values, name).toEqual(before);
    }
  });

  test("thetas go ten times as fast as the others, those of recirculation too", async () => {
    const data = tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } });
    const farthest = async (iterations: number) => {
      using model = DecoderModel.fromData(data);
      using trainer = new Trainer(model, { steps: 10, learningRate: 1e-3, warmupSteps: 1, forward: { iterations } });
      await trainer.step([countingBatch(0)]);
      const { weights } = await model.toData();
      const moved = Object.entries(weights).map(([name, { data: after }]) => {
        const before = data.weights[name]?.data as Float32Array;
        return [name, Math.max(...after.map((value, index) => Math.abs(value - (before[index] as number))))] as const;
      });
      return Object.fromEntries(moved);
    };
    // The first step of Adam moves every entry by the rate, whatever the gradient's size.
    for (const [name, distance] of Object.entries(await farthest(2))) {
      const rate = name.endsWith(".theta") ? 1e-2 : 1e-3;
      expect(distance / rate, name).toBeGreaterThan(0.9);
      expect(distance / rate, name).toBeLessThan(1.1);
    }
    // Without a second iteration nothing depends on the recirculation: its theta, which does not decay, stays where it was.
    expect((await farthest(1))["model.state_stream.recirculation.theta"]).toBe(0);
  });

  test("stops before a loss that is not finite, names step and tensor, and keeps the last good model", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, { ...options, learningRate: 1e30, clipNorm: 1e30, warmupSteps: 1 });
    const run = trainer.run((step) => [countingBatch(step)]);
    await expect(run).rejects.toThrowError(expect.objectContaining({ code: "not-finite" }));
    await expect(run).rejects.toThrowError(/step \d+.*"model\.[a-z0-9_.]+".*not finite/s);
    const { weights } = await model.toData();
    for (const [name, { data }] of Object.entries(weights)) expect(data.every(Number.isFinite), name).toBe(true);
    const { loss } = lossAndGradients(model, [countingBatch(0)], model.parameterNames);
    expect(Number.isFinite(loss.dataSync()[0])).toBe(true);
  });

  test("a signal stops it between two steps", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, options);
    const controller = new AbortController();
    const seen: number[] = [];
    const stop = ({ step }: StepReport) => {
      seen.push(step);
      if (step === 3) controller.abort();
    };
    await expect(trainer.run((step) => [countingBatch(step)], stop, controller.signal)).rejects.toThrowError(/abort/i);
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe("batches that do not fit the model", () => {
  const batch = nextTokenBatch(tinyTokens(2, 5));
  const changed = (name: "tokens" | "labels", index: number, value: number) => {
    const values = batch[name].slice();
    values[index] = value;
    return { ...batch, [name]: values };
  };
  const refused: Record<string, [Batch, object]> = {
    "rows longer than the context": [
      nextTokenBatch(tinyTokens(1, 66)),
      { code: "context-overflow", message: /65 tokens.*context of 64/ },
    ],
    "a token outside the vocabulary": [changed("tokens", 3, 11), { code: "unknown-token", message: /token 11.*11/ }],
    "a label outside the vocabulary": [
      changed("labels", 6, 400),
      { code: "unknown-token", message: /label at row 2, position 2 is 400.*11 tokens/ },
    ],
    "fewer labels than positions": [
      { ...batch, labels: batch.labels.slice(1) },
      { code: "shape-mismatch", message: /2 rows of 4.*8 labels.*7/ },
    ],
    "no answer asked for": [
      { ...batch, labels: batch.labels.map(() => -1) },
      { code: "invalid-argument", message: /no answer/ },
    ],
  };
  for (const [what, [given, error]] of Object.entries(refused)) {
    test(what, async () => {
      using model = DecoderModel.fromData(tinyModel());
      using trainer = new Trainer(model, options);
      await expect(trainer.step([given])).rejects.toMatchObject(error);
      // It goes on as if nothing had been asked.
      expect((await trainer.step([batch])).step).toBe(1);
    });
  }
});

describe("warmupCosine", () => {
  test("rises to 1, then falls along a cosine to its floor", () => {
    const schedule = warmupCosine({ steps: 110, warmupSteps: 10, finalFraction: 0.1 });
    expect(schedule(0)).toBeCloseTo(0.1);
    expect(schedule(9)).toBe(1);
    expect(schedule(60)).toBeCloseTo(0.55);
    expect(schedule(110)).toBeCloseTo(0.1);
  });
});
