/** Traces: the tokens of `generate`, and figures that are computed again from what other paths give. */
import "@sst/backend-cpu";
import { generate, type TraceOptions, type TraceRecord, traceGeneration } from "@sst/infer";
import { DecoderModel, forward, head, KvCache, LatentStateCache, tokenTensor } from "@sst/layers";
import { oracleWeights, runOracle } from "@sst/oracle";
import { memory, ready, tensor, tidy } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const prompt = [1, 5, 2, 7];

async function traced(model: DecoderModel, options: TraceOptions, from: readonly number[] = prompt) {
  const records: TraceRecord[] = [];
  for await (const record of traceGeneration(model, from, options)) records.push(record);
  return records;
}

const stream = { alphaMin: 0.1, alphaMax: 0.8 };

function softmax(logits: ArrayLike<number>): number[] {
  const weights = Array.from(logits, (logit) => Math.exp(logit));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / whole);
}

/** By Shannon's formula for entropies: H(middle) - (H(p) + H(q)) / 2. */
function divergence(p: readonly number[], q: readonly number[]): number {
  const entropy = (values: readonly number[]) => -values.reduce((sum, value) => sum + value * Math.log2(value), 0);
  return entropy(p.map((value, token) => (value + (q[token] as number)) / 2)) - (entropy(p) + entropy(q)) / 2;
}

describe("traceGeneration", () => {
  const ways: TraceOptions[] = [
    {},
    { iterations: 3 },
    { iterations: 3, promptIterations: 1 },
    { streamOff: true },
    { temperature: 1.3, topK: 6, seed: 4, iterations: 2 },
  ];
  for (const recirculate of [false, true]) {
    for (const options of ways) {
      test(`tokens are those of generate, ${JSON.stringify(options)}, recirculation ${recirculate}`, async () => {
        using model = DecoderModel.fromData(
          tinyModel({ stateStream: { ...stream, ...(recirculate && { recirculate }) } }),
        );
        const expected: number[] = [];
        for await (const token of generate(model, prompt, { maxNewTokens: 10, ...options })) expected.push(token);
        const records = await traced(model, { maxNewTokens: 10, ...options });
        expect(records.map(({ position }) => position)).toEqual(Array.from({ length: 13 }, (_, position) => position));
        expect(records.map(({ token }) => token)).toEqual([...prompt, ...expected.slice(0, -1)]);
        expect(records.slice(3).map(({ next }) => next)).toEqual(expected);
        expect(records.slice(0, 3).map(({ next }) => next)).toEqual(prompt.slice(1));
        expect(records.map(({ origin }) => origin === "prompt")).toEqual(records.map((_, at) => at < prompt.length));
        const { iterations = 1, promptIterations = iterations } = options;
        expect(records.map(({ posterior }) => posterior.length)).toEqual(
          records.map((_, at) => (at < prompt.length - 1 ? promptIterations : iterations)),
        );
      });
    }
  }

  test("distributions, entropies and divergences are those of the float64 oracle", async () => {
    const data = tinyModel();
    using model = DecoderModel.fromData(data);
    for (const iterations of [1, 3]) {
      const records = await traced(model, { iterations, topTokens: 11, withDistributions: true });
      const { logits } = runOracle(data.config, oracleWeights(data), [prompt], { iterations });
      const expected = prompt.map((_, at) => softmax(logits.data.slice(at * 11, (at + 1) * 11)));
      for (const [at, record] of records.entries()) {
        const own = expected[at] as number[];
        const last = record.posterior.at(-1);
        for (const { token, probability } of last?.top ?? []) expect(probability).toBeCloseTo(own[token] as number, 5);
        const likeliest = last?.top.map(({ probability }) => probability) as number[];
        expect(likeliest).toEqual([...likeliest].sort((left, right) => right - left));
        expect(likeliest).toHaveLength(11);
        expect(last?.entropyNats).toBeCloseTo(-own.reduce((sum, p) => sum + p * Math.log(p), 0), 5);
        const stored = [...(record.distributions as Float32Array)];
        expect(stored).toHaveLength(11 * iterations);
        const byIteration = Array.from({ length: iterations }, (_, index) =>
          stored.slice(index * 11, (index + 1) * 11),
        );
        for (const [token, p] of own.entries()) expect(byIteration.at(-1)?.[token]).toBeCloseTo(p, 5);
        for (let index = 1; index < iterations; index++) {
          const bits = divergence(byIteration[index] as number[], byIteration[index - 1] as number[]);
          expect(record.posterior[index]?.divergenceBits).toBeCloseTo(bits, 5);
        }
        expect(record.posterior[0]?.divergenceBits).toBeNull();
        if (at === 0) expect(record.positionShiftBits).toBeNull();
        else expect(record.positionShiftBits).toBeCloseTo(divergence(own, expected[at - 1] as number[]), 5);
        if (iterations === 1) expect(record.iterationShiftBits).toBeNull();
        else expect(record.iterationShiftBits).toBeCloseTo(divergence(own, byIteration[0] as number[]), 5);
      }
    }
  });

  test("states, norms, cosines and lenses are those of steps with caches, across the chunks of a long prompt", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const [long] = tinyTokens(1, 50) as [number[]];
    const iterations = 4;
    const records = await traced(model, { iterations, withStates: true }, long);
    const weights = model.weights();
    using kv = new KvCache(model.config, 1, 50);
    using states = new LatentStateCache(model.config, 1);
    let before: number[][] = [];
    for (const [position, token] of long.entries()) {
      const given = tokenTensor([[token]], model.config);
      forward(weights, given, { caches: { kv, states }, iterations }).dispose();
      given.dispose();
      const record = records[position] as TraceRecord;
      const own = [0, 1].map((layer) => [...(states.state(layer).dataSync() as Float32Array)]);
      for (const [layer, expected] of own.entries()) {
        const figures = record.layers[layer]?.at(-1);
        const start = ((iterations - 1) * 2 + layer) * 16;
        const shown = [...(record.states as Float32Array).slice(start, start + 16)];
        for (const [at, value] of expected.entries()) expect(shown[at]).toBeCloseTo(value, 4);
        expect(figures?.norm).toBeCloseTo(Math.hypot(...expected), 4);
        const last = before[layer];
        const dot = (left: number[], right: number[]) =>
          left.reduce((sum, value, at) => sum + value * (right[at] as number), 0);
        if (last === undefined) expect(figures?.cosineToPosition).toBeNull();
        else {
          expect(figures?.cosineToPosition).toBeCloseTo(
            dot(expected, last) / Math.hypot(...expected) / Math.hypot(...last),
            5,
          );
        }
        const third = [...(record.states as Float32Array).slice(start - 32, start - 16)];
        expect(figures?.cosineToIteration).toBeCloseTo(
          dot(shown, third) / Math.hypot(...shown) / Math.hypot(...third),
          5,
        );
        const lens = tidy(
          () => head(tensor(Float32Array.from(expected), [1, 1, 16]), weights).dataSync() as Float32Array,
        );
        const [best] = figures?.lens.top ?? [];
        expect(best?.probability).toBeCloseTo(Math.max(...softmax(lens)), 4);
      }
      // The top layer's lens is what the model says.
      expect(record.layers[1]?.map(({ lens }) => lens.top[0]?.token)).toEqual(
        record.posterior.map(({ top }) => top[0]?.token),
      );
      before = own;
    }
    weights.dispose();
  });

  test("a stop token and a signal end it", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const free = await traced(model, { maxNewTokens: 10 });
    const stop = free[6]?.next as number;
    const stopped = await traced(model, { maxNewTokens: 10, stopTokens: [stop] });
    expect(stopped.at(-1)?.next).toBe(stop);
    expect(stopped).toEqual(
      free.slice(
        0,
        free.findIndex(({ origin, next, position }) => (origin === "generated" || position === 3) && next === stop) + 1,
      ),
    );
    const controller = new AbortController();
    const run = async () => {
      for await (const { position } of traceGeneration(model, prompt, {
        maxNewTokens: 10,
        signal: controller.signal,
      })) {
        if (position === 5) controller.abort();
      }
    };
    await expect(run()).rejects.toThrowError(/abort/i);
  });

  test("memory returns to its start, also when the reader walks away, and does not grow on the way", async () => {
    using model = DecoderModel.fromData(tinyModel({ stateStream: { ...stream, recirculate: true } }));
    await traced(model, { maxNewTokens: 8, iterations: 2 });
    const before = memory();
    const held: number[] = [];
    for await (const _ of traceGeneration(model, prompt, { maxNewTokens: 8, iterations: 2 }))
      held.push(memory().tensors);
    expect(new Set(held).size).toBe(1);
    for await (const _ of traceGeneration(model, prompt, { maxNewTokens: 8, iterations: 2 })) break;
    expect(memory()).toEqual(before);
  });

  const refusals: [string, TraceOptions, number[], string][] = [
    ["a continuation that does not fit the context", { maxNewTokens: 61 }, prompt, "context-overflow"],
    ["an empty prompt", {}, [], "empty-prompt"],
    ["an unknown token", {}, [11], "unknown-token"],
    ["a negative temperature", { temperature: -1 }, prompt, "invalid-argument"],
    ["half a token", { maxNewTokens: 0.5 }, prompt, "invalid-argument"],
    ["no top tokens", { topTokens: 0 }, prompt, "invalid-argument"],
    ["no iterations at all", { iterations: 0 }, prompt, "invalid-argument"],
    ["iterations without the stream", { iterations: 2, streamOff: true }, prompt, "contradiction"],
  ];
  for (const [name, options, tokens, code] of refusals) {
    test(`${name} is refused`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const before = memory();
      await expect(traced(model, options, tokens)).rejects.toThrowError(expect.objectContaining({ code }));
      expect(memory()).toEqual(before);
    });
  }

  test("a state that is not finite is named", async () => {
    const data = tinyModel();
    const name = "model.layers.1.mlp.down_proj.weight";
    const { shape, data: values } = data.weights[name] as { shape: readonly number[]; data: Float32Array };
    const weights = { ...data.weights, [name]: { shape, data: values.map(() => 3e38) } };
    using model = DecoderModel.fromData({ ...data, weights });
    const refused = expect.objectContaining({
      code: "not-finite",
      message: expect.stringMatching(/layer 1.*position 0/),
    });
    await expect(traced(model, {})).rejects.toThrowError(refused);
    // Tables and masks stay with the model; nothing else does.
    const before = memory();
    await expect(traced(model, {})).rejects.toThrowError(refused);
    expect(memory()).toEqual(before);
  });
});
