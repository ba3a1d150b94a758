/** Layers with a window keep their window and no more, and far beyond it nobody can tell. */
import "@sst/backend-cpu";
import "@sst/backend-js";
import {
  DecoderModel,
  DecodeStep,
  type ForwardOptions,
  forward,
  KvCache,
  LatentStateCache,
  type ModelConfig,
  type ModelWeights,
  tokenTensor,
} from "@sst/layers";
import { memory, ready, type Tensor } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { relativeError, tinyBackbones, tinyConfig, tinyModel, tinyTokens, withUnevenVectors } from "./tiny-model.js";

const [batch, time] = [2, 24];
const tokens = tinyTokens(batch, time);
const sliding = Object.entries(tinyBackbones).filter(([, { slidingWindow }]) => slidingWindow !== undefined);

/** Chunks of these lengths, one after the other: as long as the windows (2, 3 and 4), shorter and longer. */
const ways: Readonly<Record<string, readonly number[]>> = {
  "step by step": Array.from({ length: time }, () => 1),
  "in short chunks": [1, 2, 2, 1, 3, 2, 2, 2, 3, 3, 1, 2],
  "in long chunks": [5, 4, 9, 1, 5],
  "in one chunk and steps": [20, 1, 1, 1, 1],
};

function valuesOf(tensor: Tensor): number[] {
  const values = Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}

/** Logits of all positions, `[batch][time · vocabSize]`. */
function read(weights: ModelWeights, lengths: readonly number[], options: ForwardOptions): number[][] {
  using kv = new KvCache(weights.config, batch, time);
  using states = new LatentStateCache(weights.config, batch);
  const rows: number[][] = tokens.map(() => []);
  let start = 0;
  for (const length of lengths) {
    const chunk = tokenTensor(
      tokens.map((row) => row.slice(start, start + length)),
      weights.config,
    );
    const logits = valuesOf(forward(weights, chunk, { ...options, caches: { kv, states } }));
    rows.forEach((row, index) => {
      row.push(...logits.slice(index * length * tinyConfig.vocabSize, (index + 1) * length * tinyConfig.vocabSize));
    });
    chunk.dispose();
    start += length;
  }
  return rows;
}

const modes: [string, ForwardOptions][] = [
  ["once", {}],
  ["two iterations", { iterations: 2 }],
  ["iterations at some positions", { iterations: { count: 3, positions: [0, -1] } }],
  ["stream off", { streamOff: true }],
];

for (const backend of ["cpu", "js"]) {
  describe.each(sliding)(`%s on ${backend}`, (_, overrides) => {
    for (const [mode, options] of modes) {
      // Which positions iterate depends on the chunks then.
      const areComparable = typeof options.iterations !== "object";
      test(`${mode}: ${areComparable ? Object.keys(ways).join(", ") : "chunks"} and at once agree`, async () => {
        await ready({ backend });
        using model = DecoderModel.fromData(withUnevenVectors(tinyModel(overrides)));
        const weights = model.weights();
        const all = tokenTensor(tokens, model.config);
        const positions = { count: 3, positions: [0, 4, 5, 8, 9, 17, 18, 18, 19, 23] };
        const whole = valuesOf(forward(weights, all, areComparable ? options : { iterations: positions }));
        for (const [way, lengths] of Object.entries(ways)) {
          if (!areComparable && way !== "in long chunks") continue;
          expect(relativeError(read(weights, lengths, options).flat(), whole), way).toBeLessThan(1e-5);
        }
        for (const each of [all, weights]) each.dispose();
      });
    }

    test("a decode step gives the bits of forward, around the ring several times", async () => {
      await ready({ backend });
      using model = DecoderModel.fromData(withUnevenVectors(tinyModel(overrides)));
      const weights = model.weights();
      const begin = () => {
        const caches = {
          kv: new KvCache(model.config, batch, time),
          states: new LatentStateCache(model.config, batch),
        };
        const prompt = tokenTensor(
          tokens.map((row) => row.slice(0, 7)),
          model.config,
        );
        forward(weights, prompt, { caches }).dispose();
        prompt.dispose();
        return caches;
      };
      const [direct, planned] = [begin(), begin()];
      using step = new DecodeStep(weights, planned);
      for (let position = 7; position < time; position++) {
        const column = tokenTensor(
          tokens.map((row) => [row[position] as number]),
          model.config,
        );
        const given = valuesOf(step.run(column));
        expect(given, `position ${position}`).toEqual(valuesOf(forward(weights, column, { caches: direct })));
        column.dispose();
      }
      step.dispose();
      for (const { kv, states } of [direct, planned]) for (const each of [kv, states]) each.dispose();
      weights.dispose();
    });
  });
}

test("a cache has so many slots as a layer's window, and no more than fit its context", async () => {
  await ready({ backend: "cpu" });
  const config: ModelConfig = { ...tinyConfig, ...tinyBackbones["Gemma 3"], headDim: 16, slidingWindow: 10 };
  const before = memory();
  for (const [capacity, slots] of [
    [32, 10],
    [10, 10],
    [6, 6],
  ] as const) {
    using kv = new KvCache(config, batch, capacity);
    expect([kv.keys(0).shape, kv.values(0).shape]).toEqual([
      [batch, slots, 2, 16],
      [batch, slots, 2, 16],
    ]);
    expect([kv.keys(1).shape[1], kv.values(1).shape[1]]).toEqual([capacity, capacity]);
    expect(memory().bytes - before.bytes).toBe(2 * 4 * batch * (slots + capacity) * 2 * 16);
  }
  expect(memory()).toEqual(before);
});
