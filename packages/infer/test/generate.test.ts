/** Generation: greedy decoding is what the whole sequence says, and nothing is left behind. */
import "@sst/backend-cpu";
import { type GenerateOptions, generate, labelPositions, likeliestTokens } from "@sst/infer";
import { DecoderModel, KvCache, LatentStateCache } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";
import { noticesBreakdowns } from "./breaking-down.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const prompt = [1, 5, 2];

async function collect(
  model: DecoderModel,
  options: GenerateOptions,
  from: readonly number[] = prompt,
): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of generate(model, from, options)) tokens.push(token);
  return tokens;
}

describe("generate", () => {
  for (const options of [{}, { iterations: 3 }, { streamOff: true }]) {
    test(`greedy steps agree with the whole sequence at once, ${JSON.stringify(options)}`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const tokens = await collect(model, { maxNewTokens: 12, ...options });
      expect(tokens).toHaveLength(12);
      const [likeliest] = await labelPositions(model, [[...prompt, ...tokens.slice(0, -1)]], options);
      expect(likeliest?.slice(prompt.length - 1)).toEqual(tokens);
    });
  }

  test("the prompt can be read once while what follows iterates: the states and keys are those of single passes", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const tokens = await collect(model, { maxNewTokens: 8, iterations: 3, promptIterations: 1 });
    const weights = model.weights();
    using kv = new KvCache(model.config, 1, 32);
    using states = new LatentStateCache(model.config, 1);
    const read = (chunk: readonly number[], iterations: number) =>
      likeliestTokens(weights, [chunk], { caches: { kv, states }, iterations, lastPositionOnly: true });
    await read(prompt.slice(0, -1), 1);
    const expected: number[] = [];
    for (let next = prompt.at(-1) as number; expected.length < 8; expected.push(next)) {
      next = (await read([next], 3))[0] as number;
    }
    weights.dispose();
    expect(tokens).toEqual(expected);
    expect(tokens).not.toEqual(await collect(model, { maxNewTokens: 8, iterations: 3 }));
    expect(await collect(model, { maxNewTokens: 8, promptIterations: 1 })).toEqual(
      await collect(model, { maxNewTokens: 8 }),
    );
  });

  test("a seed repeats its draws, another one draws otherwise", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const draw = (seed: number) => collect(model, { maxNewTokens: 20, temperature: 1.5, topK: 8, topP: 0.95, seed });
    expect(await draw(3)).toEqual(await draw(3));
    expect(await draw(3)).not.toEqual(await draw(4));
  });

  test("penalties and bans steer greedy steps too", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const plain = await collect(model, { maxNewTokens: 10 });
    expect(await collect(model, { maxNewTokens: 10, logitBias: { 0: 0 } })).toEqual(plain);
    const [first] = plain as [number];
    expect(await collect(model, { maxNewTokens: 10, logitBias: { [first]: -100 } })).not.toContain(first);
    // None of the 11 tokens comes a second time before all came.
    const all = await collect(model, { maxNewTokens: 11, presencePenalty: 1e6 });
    expect(new Set(all).size).toBe(11);
    const fresh = await collect(model, { maxNewTokens: 8, repetitionPenalty: 1e6, logitBias: { 0: 1, 3: 1 } });
    expect(fresh).not.toEqual(plain.slice(0, 8));
  });

  test("a stop token ends it and is not given out", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const free = await collect(model, { maxNewTokens: 12 });
    const stop = free[5] as number;
    expect(await collect(model, { maxNewTokens: 12, stopTokens: [stop] })).toEqual(free.slice(0, free.indexOf(stop)));
  });

  test("a signal ends it between two tokens", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const token of generate(model, prompt, { maxNewTokens: 12, signal: controller.signal })) {
        seen.push(token);
        if (seen.length === 2) controller.abort();
      }
    };
    await expect(run()).rejects.toThrowError(/abort/i);
    expect(seen).toHaveLength(2);
  });

  test("memory returns to its start, when it ends and when the reader walks away", async () => {
    using model = DecoderModel.fromData(tinyModel());
    // Tables, masks and the recorded plan stay with the model.
    await collect(model, { maxNewTokens: 12 });
    const before = memory();
    await collect(model, { maxNewTokens: 12 });
    for await (const token of generate(model, prompt, { maxNewTokens: 12 })) if (token >= 0) break;
    expect(memory()).toEqual(before);
  });

  test("what it holds does not grow from token to token, and one token alone records nothing", async () => {
    for (const temperature of [0, 1]) {
      using model = DecoderModel.fromData(tinyModel());
      const whileRunning = async (maxNewTokens: number) => {
        const counts: number[] = [];
        const options = { maxNewTokens, temperature, topK: 5 };
        for await (const _ of generate(model, prompt, options)) counts.push(memory().tensors);
        return counts;
      };
      const [alone] = await whileRunning(1);
      const [first, second, ...rest] = await whileRunning(12);
      expect(first).toBe(alone);
      expect(second).toBeGreaterThan(first as number);
      expect(new Set(rest)).toEqual(new Set([second]));
      // The recorded plan stays with the model: the next generation makes nothing but its caches.
      const [, ...later] = await whileRunning(12);
      expect(new Set(later)).toEqual(new Set([second]));
    }
  });

  describe("a model that breaks down", noticesBreakdowns);

  const refusals: [string, Partial<GenerateOptions>, number[], string][] = [
    ["a continuation that does not fit the context", { maxNewTokens: 62 }, prompt, "context-overflow"],
    ["an empty prompt", {}, [], "empty-prompt"],
    ["an unknown token", {}, [11], "unknown-token"],
    ["a negative temperature", { temperature: -1 }, prompt, "invalid-argument"],
    ["no candidates", { topK: 0 }, prompt, "invalid-argument"],
    ["a bias for an unknown token", { logitBias: { 11: 1 } }, prompt, "unknown-token"],
    ["an empty nucleus", { topP: 0 }, prompt, "invalid-argument"],
    ["iterations without the stream", { iterations: 2, streamOff: true }, prompt, "contradiction"],
  ];
  for (const [name, options, tokens, code] of refusals) {
    test(`${name} is refused before the first token`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const before = memory();
      const attempt = collect(model, { maxNewTokens: 4, ...options }, tokens);
      await expect(attempt).rejects.toThrowError(expect.objectContaining({ code }));
      expect(memory()).toEqual(before);
    });
  }
});
