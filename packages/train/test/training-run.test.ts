/** A run with checkpoints, evaluation and events; the store here is memory, what a store has to be is tested in `@sst/loaders`. */
import "@sst/backend-cpu";
import { heapBytes } from "@sst/backend-cpu";
import { DecoderModel } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { nextTokenBatch, Trainer, type TrainingEvent, TrainingRun, type TrainingRunOptions } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyBackbone, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";
import { MemoryStore } from "./memory-store.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const steps = 12;
const rows = tinyTokens(3, 7);
const batches = () => [nextTokenBatch(rows)];

interface Ran {
  readonly events: TrainingEvent[];
  readonly head: Float32Array;
  readonly outcome: Awaited<ReturnType<TrainingRun["finish"]>>;
}

async function run(options: Partial<TrainingRunOptions> = {}, stopAt = steps, learningRate = 1e-2): Promise<Ran> {
  using model = DecoderModel.fromData(tinyModel());
  using trainer = new Trainer(model, { steps, learningRate, warmupSteps: 2 });
  const events: TrainingEvent[] = [];
  const controller = new AbortController();
  const started = await TrainingRun.start(trainer, {
    batches,
    ...options,
    onEvent: (event) => {
      events.push(event);
      if (event.event === "step" && event.step === stopAt && stopAt < steps) controller.abort();
    },
  });
  const outcome = await started.finish(controller.signal);
  return { events, outcome, head: model.tensor("lm_head.weight").dataSync() as Float32Array };
}

const lossesOf = ({ events }: Ran) => events.flatMap((event) => (event.event === "step" ? event.loss : []));

describe("resume", () => {
  test("at any step: the losses and weights of the run that was not interrupted, to the bit", async () => {
    const whole = await run();
    for (const stopAt of [1, 5, 10, 11]) {
      const store = new MemoryStore();
      const first = await run({ checkpoints: { store, everySteps: 100 } }, stopAt);
      expect(first.outcome).toMatchObject({ reason: "interrupted", step: stopAt });
      const second = await run({ checkpoints: { store, everySteps: 100, resume: true } });
      expect([...lossesOf(first), ...lossesOf(second)]).toEqual(lossesOf(whole));
      expect(second.head).toEqual(whole.head);
      expect(second.events[0]).toMatchObject({ event: "start", step: stopAt, steps });
    }
  });

  test("what evaluation has seen goes on, too", async () => {
    const evaluations = [5, 3, 4, 4, 1, 9];
    const evaluation = (from: number) => {
      let next = from;
      return { everySteps: 2, loss: async () => evaluations[next++] as number, patience: 3, keepBest: true };
    };
    const whole = await run({ evaluation: evaluation(0) });
    const store = new MemoryStore();
    await run({ checkpoints: { store, everySteps: 100 }, evaluation: evaluation(0) }, 8);
    const resumed = await run({ checkpoints: { store, everySteps: 100, resume: true }, evaluation: evaluation(4) });
    expect(resumed.outcome).toEqual(whole.outcome);
    expect(resumed.outcome).toEqual({ reason: "finished", step: 12, best: { step: 10, loss: 1 } });
    expect(resumed.head).toEqual(whole.head);
  });

  test("with other settings, other data or nothing to go on from it is refused", async () => {
    const store = new MemoryStore();
    const checkpoints = { store, everySteps: 100, configuration: { data: "a" } };
    await expect(run({ checkpoints: { ...checkpoints, resume: true } })).rejects.toMatchObject({
      code: "file-not-found",
      message: /no checkpoint/,
    });
    await run({ checkpoints }, 3);
    await expect(run({ checkpoints })).rejects.toMatchObject({ code: "output-exists", message: /step 3/ });
    await expect(run({ checkpoints: { ...checkpoints, resume: true } }, steps, 0.5)).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      message: /learningRate was 0.01, but this run has 0.5/,
    });
    const other = { ...checkpoints, configuration: { data: "b" }, resume: true };
    await expect(run({ checkpoints: other })).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      message: /data was "a", but this run has "b"/,
    });
    using model = DecoderModel.fromData(tinyModel({ hiddenSize: 32, headDim: 8 }));
    using trainer = new Trainer(model, { steps, learningRate: 1e-2, warmupSteps: 2 });
    await expect(
      TrainingRun.start(trainer, { batches, checkpoints: { ...checkpoints, resume: true } }),
    ).rejects.toMatchObject({ code: "checkpoint-mismatch", message: /model\.hiddenSize was 16, but this run has 32/ });
  });

  test("a trainer refuses tensors that are not its own", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, { steps, learningRate: 1e-2 });
    await trainer.step(batches());
    const { step, tensors } = await trainer.state();
    const { "adamw.v/lm_head.weight": _, ...rest } = tensors;
    expect(() => trainer.restore({ step, tensors: rest })).toThrowError(
      expect.objectContaining({
        code: "checkpoint-mismatch",
        message: expect.stringContaining("adamw.v/lm_head.weight"),
      }),
    );
  });
});

describe("evaluation", () => {
  const evaluations = [5, 3, 4, 4, 4, 1];
  const scripted = () => {
    let next = 0;
    return async () => evaluations[next++] as number;
  };

  test("stops early, and the best parameters are the model's in the end", async () => {
    const best = await run({}, 4);
    const stopped = await run({ evaluation: { everySteps: 2, loss: scripted(), patience: 3, keepBest: true } });
    expect(stopped.outcome).toEqual({ reason: "stopped-early", step: 10, best: { step: 4, loss: 3 } });
    expect(stopped.head).toEqual(best.head);
  });

  test("without keepBest the last parameters stay, without patience all steps are made", async () => {
    const plain = await run();
    const evaluated = await run({ evaluation: { everySteps: 2, loss: scripted() } });
    expect(evaluated.outcome).toEqual({ reason: "finished", step: 12, best: { step: 12, loss: 1 } });
    expect(evaluated.head).toEqual(plain.head);
    expect(
      evaluated.events.flatMap((event) => (event.event === "evaluation" ? [[event.step, event.isBest]] : [])),
    ).toEqual([
      [2, true],
      [4, true],
      [6, false],
      [8, false],
      [10, false],
      [12, true],
    ]);
  });

  test("a period of 0 is refused", async () => {
    const loss = scripted();
    await expect(run({ evaluation: { everySteps: 0, loss } })).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(run({ observeEverySteps: 1.5 })).rejects.toMatchObject({ code: "invalid-argument" });
  });
});

describe("events", () => {
  test("steps, observations and checkpoints, in order", async () => {
    const store = new MemoryStore();
    const { events } = await run({ observeEverySteps: 6, checkpoints: { store, everySteps: 6 } });
    expect(events.map(({ event, step }) => `${event} ${step}`)).toEqual([
      "start 0",
      "step 1",
      "observation 1",
      ...[2, 3, 4, 5, 6].map((step) => `step ${step}`),
      "observation 6",
      "checkpoint 6",
      ...[7, 8, 9, 10, 11, 12].map((step) => `step ${step}`),
      "observation 12",
      "checkpoint 12",
      "end 12",
    ]);
    const step = events[1];
    if (step?.event !== "step") throw new Error("no step");
    expect(Object.keys(step.gradientNorms).sort()).toEqual([
      "embedding",
      "head",
      "layer 0",
      "layer 1",
      "norm",
      "stream",
    ]);
    const squares = Object.values(step.gradientNorms).reduce((total, norm) => total + norm ** 2, 0);
    expect(Math.sqrt(squares)).toBeCloseTo(step.gradientNorm, 6);
    for (const figure of [step.tokensPerSecond, step.memoryBytes, step.durationMs, step.remainingMs]) {
      expect(figure).toBeGreaterThan(0);
    }
  });

  test("the stream's part is all of its parameters, of recirculation too", async () => {
    using model = DecoderModel.fromData(
      tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } }),
    );
    using trainer = new Trainer(model, { steps: 1, learningRate: 0, forward: { iterations: 2 } });
    let parts: Readonly<Record<string, number>> = {};
    const onEvent = (event: TrainingEvent) => {
      if (event.event === "step") parts = event.gradientNorms;
    };
    const report = await (await TrainingRun.start(trainer, { batches, onEvent })).advance();
    const ofStream = Object.entries(report.gradientNorms).filter(([name]) => name.includes("state_stream"));
    expect(ofStream.map(([name]) => name.split(".").slice(-2).join("."))).toEqual([
      "state_stream.theta",
      "state_stream.theta",
      "recirculation.theta",
      "recirculation.weight",
    ]);
    const squares = ofStream.map(([, norm]) => norm ** 2);
    for (const square of squares) expect(square).toBeGreaterThan(0);
    expect(parts.stream).toBeCloseTo(Math.sqrt(squares.reduce((total, square) => total + square)), 10);
  });

  test("the residual is that of the solver, alpha that of theta", async () => {
    const observed = async (data: ReturnType<typeof tinyModel>, forward = {}) => {
      using model = DecoderModel.fromData(data);
      using trainer = new Trainer(model, { steps: 1, learningRate: 0, forward });
      let observation: TrainingEvent | undefined;
      const onEvent = (event: TrainingEvent) => {
        if (event.event === "observation") observation = event;
      };
      await (await TrainingRun.start(trainer, { batches, observeEverySteps: 1, onEvent })).finish();
      if (observation?.event !== "observation") throw new Error("nothing was observed");
      return observation;
    };
    const exact = await observed(tinyModel());
    const swept = await observed(tinyModel(), { solver: "layerwise", sweeps: 2 });
    expect(exact.residual).toHaveLength(2);
    for (const [layer, residual] of exact.residual.entries()) {
      expect(residual).toBeLessThan(1e-5);
      expect(swept.residual[layer]).toBeGreaterThan(1e-3);
    }
    // theta starts at 0, the middle of [0.1, 0.8]
    for (const alpha of exact.alpha) for (const value of Object.values(alpha)) expect(value).toBeCloseTo(0.45, 6);
    expect(await observed(tinyBackbone())).toMatchObject({ residual: [], alpha: [] });
  });
});

describe("what goes wrong", () => {
  test("data that changes: the run ends with a checkpoint", async () => {
    const store = new MemoryStore();
    const requireUnchangedData = async () => {
      if (store.saved.length === 2) throw new Error("train.jsonl has changed");
    };
    await expect(run({ checkpoints: { store, everySteps: 3, requireUnchangedData } })).rejects.toThrowError(
      /has changed/,
    );
    expect(store.saved.map(({ step }) => step)).toEqual([3, 6]);
  });

  test("a number that is not finite, after a resume between two copies: back in a good state, and nothing spoilt was saved", async () => {
    const store = new MemoryStore();
    const checkpoints = { store, everySteps: 1, resume: false };
    await run({ checkpoints }, 3);
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, { steps, learningRate: 1e-2, warmupSteps: 2 });
    const resumed = await TrainingRun.start(trainer, { batches, checkpoints: { ...checkpoints, resume: true } });
    // The rates are the schedule's; what spoils the weights here is an embedding that overflows.
    const spoilt = Float32Array.from(model.tensor("lm_head.weight").dataSync()).fill(3e38);
    const { tensor, keep } = await import("@sst/tensor");
    model.replace("lm_head.weight", keep(tensor(spoilt, model.tensor("lm_head.weight").shape)));
    await expect(resumed.finish()).rejects.toMatchObject({ code: "not-finite" });
    for (const { tensors } of store.saved) {
      for (const [name, { data }] of Object.entries(tensors)) expect(data.every(Number.isFinite), name).toBe(true);
    }
    expect(store.saved.at(-1)?.step).toBe(3);
  });

  test("nothing stays on the device", async () => {
    const all = async () => {
      const store = new MemoryStore();
      const evaluation = { everySteps: 2, loss: async () => 1, keepBest: true };
      await run({ checkpoints: { store, everySteps: 5 }, evaluation, observeEverySteps: 3 }, 7);
      await run({ checkpoints: { store, everySteps: 5, resume: true }, evaluation, observeEverySteps: 3 });
    };
    await all();
    const before = { ...memory(), heap: heapBytes() };
    await all();
    expect({ ...memory(), heap: heapBytes() }).toEqual(before);
  });
});
