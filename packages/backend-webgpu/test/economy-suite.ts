/** The design, in counts: what a training step and a decoded token ask of the device once everything is warm. */
import { deviceCounters } from "@sst/backend-webgpu";
import { DecoderModel, forward, KvCache, LatentStateCache, tokenTensor } from "@sst/layers";
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
    for (const solver of ["two-pass", "layerwise"] as const) {
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

  describe("a decoded token after warm-up", () => {
    test("no new buffer, nothing downloaded but the logits, nothing uploaded but the token and uniforms", async () => {
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      using kv = new KvCache(model.config, 1, 32);
      using states = new LatentStateCache(model.config, 1);
      const decode = async (token: number) => {
        const tokens = tokenTensor([[token]], model.config);
        const logits = forward(weights, tokens, { caches: { kv, states }, lastPositionOnly: true });
        tokens.dispose();
        await logits.data();
        logits.dispose();
      };
      for (let token = 0; token < 8; token++) await decode(token);
      const counts = await counted(() => decode(3));
      console.log(`a decoded token: ${JSON.stringify(counts)}`);
      expect(counts.buffersCreated).toBe(0);
      expect(counts.bytesReadBack).toBe(4 * tinyConfig.vocabSize);
      weights.dispose();
    });
  });
}
