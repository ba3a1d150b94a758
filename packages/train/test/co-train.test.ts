/** Co-training: the backbone stays frozen, and the baseline differs in the stream alone. */
import "@sst/backend-cpu";
import { type DecoderModel, withAdditionsOf } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { type Checkpoint, type CoTrainVariant, coTrain, nextTokenBatch } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyBackbone, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const backbone = tinyBackbone();

test("both variants see the same batches, and only adapters and theta change", async () => {
  const before = memory();
  const batch = nextTokenBatch(tinyTokens(4, 6));
  const losses: Record<CoTrainVariant, number[]> = { stream: [], baseline: [] };
  const models = await coTrain(backbone, {
    seed: 0,
    stateStream: { alphaMin: 0, alphaMax: 0.5 },
    // alpha is next to 0 at the start, so that both variants start from the same loss
    theta: -20,
    trainer: { steps: 4, learningRate: 1e-2, warmupSteps: 1 },
    batches: () => [batch],
    onStep: (variant, { loss }) => losses[variant].push(loss),
  });
  expect(losses.stream).toHaveLength(4);
  expect(losses.stream[0]).toBeCloseTo(losses.baseline[0] as number, 5);
  for (const variant of ["stream", "baseline"] as const) {
    expect(losses[variant][3]).toBeLessThan(losses[variant][0] as number);
    const { config, weights, adapter } = await models[variant].toData();
    expect(config.stateStream !== undefined).toBe(variant === "stream");
    for (const [name, { data }] of Object.entries(backbone.weights)) expect(weights[name]?.data).toEqual(data);
    expect(Object.values(adapter?.weights ?? {}).some(({ data }) => data.every((value) => value === 0))).toBe(false);
    models[variant].dispose();
  }
  expect(memory()).toEqual(before);
});

test("what recirculation has is trained with the stream", async () => {
  const models = await coTrain(backbone, {
    seed: 0,
    stateStream: { alphaMin: 0, alphaMax: 0.5, recirculate: true },
    trainer: { steps: 1, learningRate: 1e-2, warmupSteps: 1 },
    streamForward: { iterations: 2 },
    batches: () => [nextTokenBatch(tinyTokens(4, 6))],
  });
  const { weights } = await models.stream.toData();
  const matrix = weights["model.state_stream.recirculation.weight"]?.data as Float32Array;
  expect(matrix.every((value, index) => value === (index % 17 === 0 ? 1 : 0))).toBe(false);
  for (const model of Object.values(models)) model.dispose();
});

describe("runs of both", () => {
  const options = (stores: Record<CoTrainVariant, Checkpoint[]>, resume: boolean) => ({
    seed: 0,
    stateStream: { alphaMin: 0, alphaMax: 0.5 },
    quantize: "nf4" as const,
    forward: { recompute: true },
    trainer: { steps: 6, learningRate: 1e-2, warmupSteps: 1 },
    batches: (step: number) => [nextTokenBatch(tinyTokens(4, 6 + (step % 2)))],
    run: (variant: CoTrainVariant) => ({
      checkpoints: {
        store: {
          save: async (checkpoint: Checkpoint) => void stores[variant].push(structuredClone(checkpoint)),
          load: async () => stores[variant].at(-1),
        },
        everySteps: 2,
        resume,
      },
    }),
  });
  const thetasAndAdapters = async (models: Record<CoTrainVariant, DecoderModel>) => {
    const all: Record<string, Float32Array> = {};
    for (const variant of ["baseline", "stream"] as const) {
      const { adapter, weights } = await withAdditionsOf(backbone, models[variant]);
      for (const [name, { data }] of Object.entries({ ...weights, ...adapter?.weights }))
        all[`${variant} ${name}`] = data;
      models[variant].dispose();
    }
    return all;
  };

  test("beside a packed backbone: interrupted, with one ahead of the other, and resumed to the bit", async () => {
    const empty = () => ({ baseline: [] as Checkpoint[], stream: [] as Checkpoint[] });
    const before = memory();
    const whole = await thetasAndAdapters(await coTrain(backbone, options(empty(), false)));
    const stores = empty();
    const controller = new AbortController();
    const ended: number[] = [];
    const interrupted = coTrain(backbone, {
      ...options(stores, false),
      signal: controller.signal,
      onInterrupt: async ({ baseline, stream }) => {
        ended.push((await baseline.checkpoint()).step, (await stream.checkpoint()).step);
      },
      onStep: (_, { step }) => step === 5 && controller.abort(),
    });
    await expect(interrupted).rejects.toThrowError(/abort/i);
    expect(ended).toEqual([5, 4]);
    expect(stores.baseline.map(({ step }) => step)).toEqual([2, 4, 5]);
    expect(stores.stream.map(({ step }) => step)).toEqual([2, 4]);
    // As a kill between the two would have left them.
    stores.stream.pop();
    const resumed = await thetasAndAdapters(await coTrain(backbone, options(stores, true)));
    expect(resumed).toEqual(whole);
    expect(memory()).toEqual(before);
  });
});

test("when training fails, nothing is left behind", async () => {
  const before = memory();
  const failing = coTrain(backbone, {
    seed: 0,
    stateStream: { alphaMin: 0, alphaMax: 0.5 },
    trainer: { steps: 4, learningRate: 1e-2 },
    batches: () => {
      throw new Error("no more data");
    },
  });
  await expect(failing).rejects.toThrowError("no more data");
  expect(memory()).toEqual(before);
});
