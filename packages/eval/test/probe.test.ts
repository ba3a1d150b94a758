/** The probe's figures against brute force, planted signals, and a model trained for a moment on the register machine. */
import "@sst/backend-cpu";
import {
  areaUnderCurve,
  areaWithInterval,
  calibrationOf,
  evaluate,
  type ProbeSample,
  probedDepth,
  probeSamples,
  stratifiedFolds,
  surfaceFeatures,
  symbolSubject,
  taskBenchmark,
  trainProbe,
} from "@sst/eval";
import {
  DecoderModel,
  forward,
  initializeModel,
  KvCache,
  LatentStateCache,
  Probe,
  paperAlpha,
  smallAlphaInitialization,
  smallDecoder,
  tokenTensor,
} from "@sst/layers";
import { createTask, taskBatch } from "@sst/loaders";
import { memory, Random, ready } from "@sst/tensor";
import { Trainer } from "@sst/train";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

describe("area under the curve", () => {
  test("is the share of pairs in the right order, ties counting half", () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(rows, (pairs) => {
        const scores = pairs.map(([score]) => score);
        const labels = pairs.map(([, label]) => label);
        const positives = scores.filter((_, index) => labels[index]);
        const negatives = scores.filter((_, index) => !labels[index]);
        const wins = positives.flatMap((p) => negatives.map((n) => (p > n ? 1 : p === n ? 0.5 : 0)));
        const expected = wins.reduce((total: number, win) => total + win, 0) / wins.length;
        const area = areaUnderCurve(scores, labels);
        if (wins.length === 0) expect(area).toBeNaN();
        else {
          expect(area).toBeCloseTo(expected, 12);
          expect(
            areaUnderCurve(
              scores,
              labels.map((label) => !label),
            ),
          ).toBeCloseTo(1 - expected, 12);
        }
      }),
    );
  });

  test("of two normal distributions a deviation apart it is Φ(1 / √2), and the interval holds it", () => {
    const random = new Random(4);
    const labels = Array.from({ length: 2000 }, (_, index) => index % 2 === 0);
    const scores = labels.map((label) => random.normal() + (label ? 1 : 0));
    const { area, interval } = areaWithInterval(scores, labels);
    expect(area).toBeCloseTo(0.7602, 1);
    expect(interval.low).toBeLessThan(0.7602);
    expect(interval.high).toBeGreaterThan(0.7602);
    // Hanley and McNeil's standard error for 1000 and 1000: 0.0106
    expect((interval.high - interval.low) / (2 * 1.96)).toBeCloseTo(0.0106, 3);
  });
});

describe("calibration", () => {
  test("as counted by hand", () => {
    const { expectedError, brierScore, bins } = calibrationOf(
      [0.05, 0.05, 0.95, 1, 0.5],
      [false, true, true, true, false],
    );
    expect(bins.map(({ count }) => count)).toEqual([2, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    expect(bins[0]).toMatchObject({ from: 0, to: 0.1, predicted: 0.05, observed: 0.5 });
    expect(expectedError).toBeCloseTo((2 * 0.45 + 0.5 + 2 * 0.025) / 5, 12);
    expect(brierScore).toBeCloseTo((0.0025 + 0.9025 + 0.0025 + 0 + 0.25) / 5, 12);
  });

  test("probabilities that are drawn from are calibrated", () => {
    const random = new Random(9);
    const probabilities = Array.from({ length: 20_000 }, () => random.uniform());
    const labels = probabilities.map((probability) => random.uniform() < probability);
    expect(calibrationOf(probabilities, labels).expectedError).toBeLessThan(0.02);
  });
});

describe("cross-validation", () => {
  /** States of which the first says whether the answer survives; the prompt and the maximum say nothing. */
  const planted = (signal: number, seed = 0): ProbeSample[] => {
    const random = new Random(`planted/${signal}/${seed}`);
    return Array.from({ length: 600 }, () => {
      const survived = random.uniform() < 0.3;
      const states = random.normals(20, 1);
      states[0] = (states[0] as number) + (survived ? signal : 0);
      const promptTokens = Array.from({ length: 6 }, () => random.integer(8));
      return { states, survived, promptTokens, maximumProbability: random.uniform() };
    });
  };

  test("finds what is there, and nothing where nothing is", () => {
    const { probe, assessment } = trainProbe(planted(2));
    // Φ(2 / √2)
    expect(assessment.probe.area).toBeCloseTo(0.921, 1);
    expect(assessment.surviving).toBeCloseTo(0.3, 1);
    for (const control of [assessment.surface, assessment.maximumProbability]) {
      expect(control.area).toBeGreaterThan(0.4);
      expect(control.area).toBeLessThan(0.6);
    }
    expect(assessment.probe.calibration.expectedError).toBeLessThan(0.08);
    expect(probe.data.weights[0]).toBeGreaterThan(0.5);
    const nothing = trainProbe(planted(0)).assessment.probe;
    expect(nothing.interval.low).toBeLessThan(0.5);
    expect(nothing.area).toBeLessThan(0.6);
  });

  test("surface features tell what the prompt tells", () => {
    const samples = planted(0, 1).map((sample) => {
      const last = sample.promptTokens.at(-1) as number;
      return { ...sample, survived: last < 3 };
    });
    const { surface, probe } = trainProbe(samples).assessment;
    expect(surface.area).toBeGreaterThan(0.99);
    expect(probe.area).toBeLessThan(0.6);
    const often = (prompt: number[]) => Array.from({ length: 5 }, () => prompt);
    const features = surfaceFeatures([...often([1, 2]), [3]]);
    expect(new Set(features.map((row) => row.length)).size).toBe(1);
    expect(features[0]).toEqual(features[1]);
    expect(features[0]).not.toEqual(features[5]);
  });

  test("folds hold both classes evenly, and each row once", () => {
    const labels = Array.from({ length: 103 }, (_, index) => index < 11);
    const parts = stratifiedFolds(labels, 5, 1);
    for (let part = 0; part < 5; part++) {
      const positives = parts.filter((each, index) => each === part && labels[index]).length;
      expect(positives === 2 || positives === 3).toBe(true);
    }
    expect(parts).toEqual(stratifiedFolds(labels, 5, 1));
    expect(parts).not.toEqual(stratifiedFolds(labels, 5, 2));
    expect(() => stratifiedFolds([true, false, false], 2, 0)).toThrowError(/only 1 of 3 answers survive/);
    expect(() => stratifiedFolds(labels, 1, 0)).toThrowError(/at least 2/);
  });
});

describe("samples", () => {
  test("are the answers right at depth 1, with the states of the prompt's end and what became of them", async () => {
    const task = createTask("s3");
    using model = DecoderModel.fromData(tinyModel({ vocabSize: 7 }));
    const subject = symbolSubject(model, task.vocabulary);
    const benchmark = taskBenchmark(task, { length: 4, sequences: 80 });
    const evaluation = await evaluate(subject, benchmark, { depths: [1, 2] });
    await probeSamples(subject, benchmark, evaluation);
    const before = memory();
    const samples = await probeSamples(subject, benchmark, evaluation);
    expect(memory()).toEqual(before);
    const [one, two] = evaluation.depths.map(({ verdicts }) => verdicts);
    const right = one?.flatMap((isRight, index) => (isRight ? [index] : [])) ?? [];
    expect(samples.map(({ survived }) => survived)).toEqual(right.map((index) => two?.[index]));
    const prompt = subject.codec.encode(benchmark.questions[right[0] as number]?.prompt as string);
    expect(samples[0]?.promptTokens).toEqual(prompt);
    // Step by step instead of at once.
    const weights = model.weights();
    using kv = new KvCache(model.config, 1, prompt.length);
    using states = new LatentStateCache(model.config, 1);
    for (const token of prompt) {
      const tokens = tokenTensor([[token]], model.config);
      forward(weights, tokens, { caches: { kv, states } }).dispose();
      tokens.dispose();
    }
    weights.dispose();
    const expected = [0, 1].flatMap((layer) => Array.from(states.state(layer).dataSync()));
    for (const [index, value] of expected.entries()) expect(samples[0]?.states[index]).toBeCloseTo(value, 4);
    const [atOne] = evaluation.depths;
    await expect(
      probeSamples(subject, benchmark, { ...evaluation, depths: atOne ? [atOne] : [] }),
    ).rejects.toMatchObject({ code: "contradiction" });
  });
});

describe("probedDepth", () => {
  /** Fires where the first feature is above 0. */
  const onFirst = (size: number) => {
    const weights = new Float32Array(size);
    weights[0] = 1e6;
    return new Probe({ mean: new Float32Array(size), scale: new Float32Array(size).fill(1), weights, bias: 0 });
  };

  test("goes as deep as the probe says, question by question, and counts it", async () => {
    const task = createTask("s3");
    using model = DecoderModel.fromData(tinyModel({ vocabSize: 7 }));
    const subject = symbolSubject(model, task.vocabulary);
    const benchmark = taskBenchmark(task, { length: 4, sequences: 40 });
    const { numHiddenLayers, hiddenSize } = model.config;
    const policies = [probedDepth(onFirst(numHiddenLayers * hiddenSize), { deep: 3 })];
    const evaluation = await evaluate(subject, benchmark, { depths: [1, 3], policies });
    const [one, three] = evaluation.depths;
    const weights = model.weights();
    const chosen: boolean[] = [];
    for (const { prompt } of benchmark.questions) {
      using kv = new KvCache(model.config, 1, 8);
      using states = new LatentStateCache(model.config, 1);
      const tokens = tokenTensor([subject.codec.encode(prompt)], model.config);
      forward(weights, tokens, { caches: { kv, states } }).dispose();
      tokens.dispose();
      chosen.push((states.state(0).dataSync()[0] as number) > 0);
    }
    weights.dispose();
    expect(new Set(chosen).size).toBe(2);
    const [probed] = evaluation.policies;
    expect(probed?.verdicts).toEqual(chosen.map((deep, index) => (deep ? three : one)?.verdicts[index]));
    const share = chosen.filter(Boolean).length / chosen.length;
    expect(probed?.iterations).toBeCloseTo(1 + 2 * share, 12);
  });

  test("refuses what is no depth, no threshold, and another model's probe", async () => {
    expect(() => probedDepth(onFirst(4), { deep: 1 })).toThrowError(/at least 2, not 1/);
    expect(() => probedDepth(onFirst(4), { deep: 2, threshold: 2 })).toThrowError(/between 0 and 1/);
    const task = createTask("s3");
    using model = DecoderModel.fromData(tinyModel({ vocabSize: 7 }));
    const policies = [probedDepth(onFirst(4), { deep: 2 })];
    const benchmark = taskBenchmark(task, { length: 4, sequences: 2 });
    await expect(
      evaluate(symbolSubject(model, task.vocabulary), benchmark, { depths: [1], policies }),
    ).rejects.toMatchObject({ code: "shape-mismatch" });
  });
});

test("on the register machine the states tell more than the prompt, and than the model's confidence", async () => {
  const task = createTask("chain");
  const config = smallDecoder({ hiddenSize: 32, vocabSize: task.vocabulary.size, stateStream: paperAlpha });
  using model = DecoderModel.fromData(initializeModel(config, new Random(0), smallAlphaInitialization));
  using trainer = new Trainer(model, { steps: 300, learningRate: 3e-3 });
  await trainer.run((index) => [
    taskBatch(task, { seed: 0, split: "train", index, batchSize: 64, length: 2 + (index % 3) }),
  ]);
  const subject = symbolSubject(model, task.vocabulary);
  const benchmark = taskBenchmark(task, { length: 4, sequences: 600 });
  const evaluation = await evaluate(subject, benchmark, { depths: [1, 2] });
  const { assessment } = trainProbe(await probeSamples(subject, benchmark, evaluation));
  expect(evaluation.depths[0]?.accuracy).toBeGreaterThan(0.6);
  expect(assessment.probe.area).toBeGreaterThan(0.8);
  expect(assessment.probe.area).toBeGreaterThan(assessment.surface.area);
  expect(assessment.probe.area).toBeGreaterThan(assessment.maximumProbability.area);
}, 300_000);
