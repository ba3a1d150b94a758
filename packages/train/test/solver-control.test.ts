/** `solver: "auto"`: what it chooses, that it looks again, and that an interruption does not change what it does. */
import "@sst/backend-cpu";
import { heapBytes } from "@sst/backend-cpu";
import { DecoderModel, initializeModel, type ModelData, smallDecoder } from "@sst/layers";
import { memory, Random, ready } from "@sst/tensor";
import {
  type Batch,
  lossAndGradients,
  nextTokenBatch,
  type SolverEvent,
  type StepReport,
  Trainer,
  type TrainingForward,
  TrainingRun,
} from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";
import { MemoryStore } from "./memory-store.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const batch = nextTokenBatch(tinyTokens(3, 13));

/** Its sweeps contract: alpha is small. */
const adjusting = () => tinyModel({ stateStream: { alphaMin: 0.01, alphaMax: 0.03 } });

/** Its sweeps do not: the network turns a small change of what it is given into a large one of what it gives. */
function holding(): ModelData {
  const data = tinyModel({ stateStream: { alphaMin: 0.8, alphaMax: 0.9 } });
  for (const [name, { data: values }] of Object.entries(data.weights)) {
    if (!name.endsWith("down_proj.weight")) continue;
    for (let i = 0; i < values.length; i++) values[i] = 20 * (values[i] as number);
  }
  return data;
}

async function firstStep(data: ModelData, forward: TrainingForward, batches: readonly Batch[] = [batch]) {
  using model = DecoderModel.fromData(data);
  using trainer = new Trainer(model, { steps: 1, learningRate: 0, forward });
  const report = await trainer.step(batches);
  return { report, forward: trainer.forward };
}

describe("the first look", () => {
  test("takes sweeps where they contract, and the gradient through all of them", async () => {
    const { report, forward } = await firstStep(adjusting(), { solver: "auto", tolerance: 1e-3 });
    expect(report.solver).toMatchObject({ solver: "layerwise", isNew: true, reason: expect.stringMatching(/meet/) });
    expect(report.solver?.residual).toBeLessThanOrEqual(1e-3);
    expect(forward).toEqual({ solver: "layerwise", sweeps: report.solver?.sweeps, sweepGradient: "all" });
  });

  test("takes the exact solver where they do not", async () => {
    const { report, forward } = await firstStep(holding(), { solver: "auto", maximumSweeps: 100 });
    expect(report.solver).toMatchObject({
      solver: "sequential",
      residual: 0,
      reason: expect.stringMatching(/contract/),
    });
    expect(forward).toEqual({ solver: "sequential" });
    const exact = await firstStep(holding(), {});
    expect(report.loss).toBe(exact.report.loss);
    expect(exact.report.solver).toBeUndefined();
  });

  test("is at the longest batch of the step, as its rows are packed", async () => {
    const short = nextTokenBatch(tinyTokens(3, 3));
    const documentStarts = new Int32Array(batch.tokens.length);
    for (let row = 0; row < 3; row++) documentStarts.fill(6, row * 12 + 6, row * 12 + 12);
    const auto = { solver: "auto", tolerance: 1e-3 } as const;
    const alone = (await firstStep(adjusting(), auto)).report.solver;
    expect((await firstStep(adjusting(), auto, [short, batch])).report.solver).toEqual(alone);
    const packed = (await firstStep(adjusting(), auto, [{ ...batch, documentStarts }])).report.solver;
    expect(packed?.seen[0]?.residual).not.toBe(alone?.seen[0]?.residual);
    const few = (await firstStep(adjusting(), auto, [short])).report.solver;
    expect(few).toMatchObject({
      solver: "sequential",
      reason: expect.stringMatching(/too few columns in a row \(2\)/),
    });
  });

  test("what the sweeps that it takes teach is what the exact solver teaches, which a gradient of the last one is not", () => {
    using model = DecoderModel.fromData(adjusting());
    const thetas = model.parameterNames.filter((name) => name.endsWith("theta"));
    const gradients = (forward: TrainingForward) => {
      const { loss, gradients: found } = lossAndGradients(model, [batch], thetas, forward as object);
      loss.dispose();
      return thetas.map((name) => found[name]?.dataSync() as Float32Array);
    };
    const exact = gradients({});
    const error = (given: Float32Array[]) =>
      Math.max(...given.map((each, index) => relativeError(each, exact[index] as Float32Array)));
    const sweeps = { solver: "layerwise", sweeps: 3 } as const;
    expect(error(gradients({ ...sweeps, sweepGradient: "all" }))).toBeLessThan(1e-3);
    expect(error(gradients(sweeps))).toBeGreaterThan(1e-2);
  });
});

/** After a start, 2, and after every bit: has there been an even (3) or an odd (4) number of ones so far? */
function parityBatch(step: number): Batch {
  const random = new Random(`parity/${step}`);
  const [batchSize, time] = [16, 9];
  const tokens = Int32Array.from({ length: batchSize * time }, (_, i) => (i % time === 0 ? 2 : random.integer(2)));
  const labels = new Int32Array(batchSize * time).fill(3);
  for (let i = 0; i < labels.length; i++) {
    if (i % time > 0) labels[i] = tokens[i] === 1 ? 7 - (labels[i - 1] as number) : (labels[i - 1] as number);
  }
  return { batchSize, time, tokens, labels };
}

/** One layer whose stream begins as a nudge and may become all that there is. */
function parityModel(): DecoderModel {
  const stateStream = { alphaMin: 0, alphaMax: 0.9 };
  const config = smallDecoder({ hiddenSize: 16, numHiddenLayers: 1, vocabSize: 5, stateStream });
  return DecoderModel.fromData(initializeModel(config, new Random(0), { theta: -4, embeddingDeviation: 1 }));
}

const learning = { steps: 140, learningRate: 1e-2, warmupSteps: 20 };
const auto = { solver: "auto", tolerance: 1e-2, reviewEverySteps: 10 } as const;

/** What a report says of training itself. */
const figures = ({ loss, gradientNorms }: StepReport) => ({ loss, gradientNorms });

async function train(forward: TrainingForward): Promise<StepReport[]> {
  using model = parityModel();
  using trainer = new Trainer(model, { ...learning, forward });
  const reports: StepReport[] = [];
  await trainer.run(
    (step) => [parityBatch(step)],
    (report) => reports.push(report),
  );
  return reports;
}

describe("a stream that learns to carry state", () => {
  test("begins with sweeps, gets more of them and then the exact solver, and is learned", async () => {
    const reports = await train(auto);
    const looks = reports.flatMap(({ step, solver }) => (solver ? [{ step, ...solver }] : []));
    expect(looks.map(({ step }) => step)).toEqual(Array.from({ length: 14 }, (_, index) => 1 + 10 * index));
    expect(looks[0]).toMatchObject({ solver: "layerwise", sweeps: 2 });
    expect(looks.at(-1)).toMatchObject({ solver: "sequential", isNew: false });
    const changes = looks.filter(({ isNew }) => isNew).map(({ solver, sweeps }) => sweeps ?? solver);
    expect(changes).toEqual([...changes.slice(0, -1).toSorted(), "sequential"]);
    expect(changes.length).toBeGreaterThan(2);
    expect(reports.at(-1)?.loss).toBeLessThan(0.01);
    const swept = await train({ solver: "layerwise", sweeps: 2 });
    expect(swept.at(-1)?.loss).toBeGreaterThan(0.1);
  });

  test("by recorded plans it has the bits of the calls themselves, and nothing stays behind", async () => {
    const direct = await train({ ...auto, onResidual: () => {} });
    const before = { ...memory(), heap: heapBytes() };
    const reports = await train(auto);
    expect(reports.map(figures)).toEqual(direct.map(figures));
    expect({ ...memory(), heap: heapBytes() }).toEqual(before);
  });
});

describe("resume", () => {
  async function run(store: MemoryStore, stopAt: number, resume: boolean, forward: TrainingForward = auto) {
    using model = parityModel();
    using trainer = new Trainer(model, { ...learning, forward });
    const controller = new AbortController();
    const losses: number[] = [];
    const looks: SolverEvent[] = [];
    const started = await TrainingRun.start(trainer, {
      batches: (step) => [parityBatch(step)],
      checkpoints: { store, everySteps: 1000, resume },
      onEvent: (event) => {
        if (event.event === "solver") looks.push(event);
        if (event.event === "step") losses.push(event.loss);
        if (event.event === "step" && event.step === stopAt) controller.abort();
      },
    });
    await started.finish(controller.signal);
    return { losses, looks, weights: model.tensor("model.layers.0.mlp.down_proj.weight").dataSync() };
  }

  test("between two looks and at one: the looks, losses and weights of the run that was not interrupted", async () => {
    const whole = await run(new MemoryStore(), 1000, false);
    const switched = whole.looks.filter(({ isNew }) => isNew)[1]?.step as number;
    for (const stopAt of [3, switched - 1, switched, switched + 4]) {
      const store = new MemoryStore();
      const first = await run(store, stopAt, false);
      const second = await run(store, 1000, true);
      expect([...first.looks, ...second.looks]).toEqual(whole.looks);
      expect([...first.losses, ...second.losses]).toEqual(whole.losses);
      expect(second.weights).toEqual(whole.weights);
    }
  });

  test("with another tolerance it is refused", async () => {
    const store = new MemoryStore();
    await run(store, 3, false);
    await expect(run(store, 1000, true, { ...auto, tolerance: 1e-3 })).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      message: /forward\.tolerance was 0\.01, but this run has 0\.001/,
    });
  });
});

test("what does not go together is refused", () => {
  using model = DecoderModel.fromData(tinyModel());
  using plain = DecoderModel.fromData(tinyBackbone());
  const refused = (forward: object, code: string, message: RegExp, given = model) =>
    expect(() => new Trainer(given, { steps: 1, learningRate: 1, forward: forward as TrainingForward })).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  for (const said of [{ sweeps: 3 }, { propagation: "scan" }, { sweepGradient: "last" }, { streamOff: true }]) {
    refused({ solver: "auto", ...said }, "contradiction", new RegExp(`^${Object.keys(said)} .*"auto"`));
  }
  refused({ solver: "auto" }, "contradiction", /no state stream/, plain);
  refused({ solver: "layerwise", tolerance: 1e-3 }, "contradiction", /tolerance goes with solver "auto".* layerwise/);
  refused({ maximumSweeps: 3 }, "contradiction", /maximumSweeps goes with solver "auto".* not chosen/);
  for (const reviewEverySteps of [0, 1.5]) {
    refused({ solver: "auto", reviewEverySteps }, "invalid-argument", /reviewEverySteps should be/);
  }
});
