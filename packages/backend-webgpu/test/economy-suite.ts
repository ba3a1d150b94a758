/** The design, in counts: what a training step and a decoded token ask of the device once everything is warm. */
import { deviceCounters } from "@sst/backend-webgpu";
import { DecoderModel, DecodeStep, forward, KvCache, LatentStateCache, tokenTensor } from "@sst/layers";
import type { Tensor } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";
import { describe, expect, test } from "vitest";
import { tinyConfig, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

/** What happened on the device while `body` ran. */
async function counted(body: () => Promise<void>) {
  const before = deviceCounters();
  await body();
  const after = deviceCounters();
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - before[name as keyof typeof before]]),
  ) as unknown as typeof before;
}

export function economySuite(): void {
  describe("a training step after warm-up", () => {
    for (const solver of ["two-pass", "layerwise", "sequential"] as const) {
      test(`by the solver ${solver}: no new buffer, one download at its end`, async () => {
        using model = DecoderModel.fromData(tinyModel());
        using trainer = new Trainer(model, { steps: 60, learningRate: 1e-3, forward: { solver } });
        const batch = nextTokenBatch(tinyTokens(2, 7));
        // Beyond two of the copies that a run falls back to.
        for (let step = 0; step < 22; step++) await trainer.step([batch]);
        const counts = await counted(async () => {
          await trainer.step([batch]);
        });
        console.log(`a training step by ${solver}: ${JSON.stringify(counts)}`);
        expect(counts.buffersCreated).toBe(0);
        // The loss and a norm for each parameter.
        expect(counts.bytesReadBack).toBe(4 * (1 + model.parameterNames.length));
      });
    }
  });

  test("a training step by the exact solver takes as many dispatches for any length", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, { steps: 60, learningRate: 1e-3, forward: { solver: "sequential" } });
    const dispatches: number[] = [];
    for (const time of [5, 40]) {
      const batch = nextTokenBatch(tinyTokens(2, time));
      const step = async () => {
        await trainer.step([batch]);
      };
      // Tables and masks are made, the plan of the shape is recorded.
      for (let warmUp = 0; warmUp < 3; warmUp++) await step();
      dispatches.push((await counted(step)).dispatches);
    }
    expect(dispatches[1]).toBe(dispatches[0]);
  });

  describe("a decoded token after warm-up", () => {
    test("no new buffer, nothing downloaded but the logits, nothing uploaded but the token and uniforms", async () => {
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      using kv = new KvCache(model.config, 1, 32);
      using states = new LatentStateCache(model.config, 1);
      const decode = async (token: number, read: (tokens: Tensor) => Tensor) => {
        const tokens = tokenTensor([[token]], model.config);
        const logits = read(tokens);
        tokens.dispose();
        await logits.data();
        logits.dispose();
      };
      const byForward = (tokens: Tensor) =>
        forward(weights, tokens, { caches: { kv, states }, lastPositionOnly: true });
      for (let token = 0; token < 8; token++) await decode(token, byForward);
      const counts = await counted(() => decode(3, byForward));
      console.log(`a decoded token: ${JSON.stringify(counts)}`);
      expect(counts.buffersCreated).toBe(0);
      expect(counts.bytesReadBack).toBe(4 * tinyConfig.vocabSize);
      using step = new DecodeStep(weights, { kv, states });
      for (let token = 0; token < 8; token++) await decode(token, (tokens) => step.run(tokens));
      const planned = await counted(() => decode(3, (tokens) => step.run(tokens)));
      console.log(`a decoded token by a plan: ${JSON.stringify(planned)}`);
      expect(planned.buffersCreated).toBe(0);
      expect(planned.bytesReadBack).toBe(counts.bytesReadBack);
      expect(planned.dispatches).toBeLessThanOrEqual(counts.dispatches);
      weights.dispose();
    });
  });
}
