/** Decoding as a plan: the bits of `forward`, and the caches come back as it would have left them. */
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
import { keep, memory, mul, ready, type Tensor } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { tinyBackbone, tinyBackbones, tinyConfig, tinyModel, tinyTokens, withUnevenVectors } from "./tiny-model.js";

const batch = 2;
const [promptLength, steps, capacity] = [3, 5, 12];
const prompt = tinyTokens(batch, promptLength);
const decoded = tinyTokens(batch, steps);
const column = (step: number) => decoded.map((row) => [row[step] as number]);

type Caches = Readonly<{ kv: KvCache; states: LatentStateCache }>;

function cachesFor({ config }: ModelWeights, size = capacity): Caches & Disposable {
  const kv = new KvCache(config, batch, size);
  const states = new LatentStateCache(config, batch);
  return {
    kv,
    states,
    [Symbol.dispose]: () => {
      kv.dispose();
      states.dispose();
    },
  };
}

function valuesOf(logits: Tensor): number[] {
  const values = Array.from(logits.dataSync());
  logits.dispose();
  return values;
}

function read(weights: ModelWeights, rows: number[][], caches: Caches, options: ForwardOptions): number[] {
  const tokens = tokenTensor(rows, weights.config);
  const values = valuesOf(forward(weights, tokens, { ...options, caches, lastPositionOnly: true }));
  tokens.dispose();
  return values;
}

function decode(step: DecodeStep, config: ModelConfig, index: number): number[] {
  const tokens = tokenTensor(column(index), config);
  const values = valuesOf(step.run(tokens));
  tokens.dispose();
  return values;
}

/** All that the caches hold. */
function contents({ kv, states }: Caches, { numHiddenLayers }: ModelConfig) {
  const layers = Array.from({ length: numHiddenLayers }, (_, layer) =>
    [kv.keys(layer), kv.values(layer), states.state(layer)].map((tensor) => Array.from(tensor.dataSync())),
  );
  return { layers, length: kv.length, isFilled: states.isFilled };
}

const cases: [string, Partial<ModelConfig>, Pick<ForwardOptions, "iterations" | "streamOff">][] = [
  ["once", {}, {}],
  ["three times", {}, { iterations: 3 }],
  [
    "three times with recirculation",
    { stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } },
    { iterations: 3 },
  ],
  ["with the stream off", {}, { streamOff: true }],
  ["with the embedding as head", { tieWordEmbeddings: true }, {}],
  ["with a key/value head for each query", { numKeyValueHeads: tinyConfig.numAttentionHeads }, {}],
];

for (const backend of ["cpu", "js"]) {
  describe(`on ${backend}`, () => {
    const compare = (model: DecoderModel, options: Pick<ForwardOptions, "iterations" | "streamOff">) => {
      const weights = model.weights();
      using direct = cachesFor(weights);
      using planned = cachesFor(weights);
      for (const caches of [direct, planned]) read(weights, prompt, caches, options);
      const step = new DecodeStep(weights, planned, options);
      for (let index = 0; index < steps - 1; index++) {
        expect(decode(step, model.config, index), `step ${index}`).toEqual(
          read(weights, column(index), direct, options),
        );
        expect(planned.kv.length).toBe(direct.kv.length);
      }
      step.dispose();
      expect(contents(planned, model.config)).toEqual(contents(direct, model.config));
      // Both ways go on from the caches that came back.
      expect(read(weights, column(0), planned, options)).toEqual(read(weights, column(0), direct, options));
      using next = new DecodeStep(weights, planned, options);
      expect(decode(next, model.config, steps - 1)).toEqual(read(weights, column(steps - 1), direct, options));
      weights.dispose();
    };

    for (const [name, overrides, options] of cases) {
      test(`${name}: the bits of forward, and its caches`, async () => {
        await ready({ backend });
        using model = DecoderModel.fromData(tinyModel(overrides));
        compare(model, options);
      });
    }

    for (const [name, overrides] of Object.entries(tinyBackbones)) {
      test(`${name}: the bits of forward, beyond its window`, async () => {
        await ready({ backend });
        using model = DecoderModel.fromData(withUnevenVectors(tinyModel(overrides)));
        compare(model, {});
      });
    }

    test("a plain backbone", async () => {
      await ready({ backend });
      using model = DecoderModel.fromData(tinyBackbone());
      compare(model, {});
    });
  });
}

describe("a decode step", () => {
  test("keeps nothing but its plan between two tokens, and gives all back", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const warmUp = () => {
      const caches = cachesFor(weights);
      read(weights, prompt, caches, {});
      read(weights, column(0), caches, {});
      return caches;
    };
    // Tables and masks stay with the model.
    warmUp()[Symbol.dispose]();
    const empty = memory();
    const caches = warmUp();
    const before = memory();
    const step = new DecodeStep(weights, caches);
    expect(memory()).toEqual(before);
    // The recording, and a run, for which the device writes the plan down.
    for (const index of [0, 1]) decode(step, model.config, index);
    const during = memory();
    for (let index = 2; index < steps; index++) decode(step, model.config, index);
    expect(memory()).toEqual(during);
    step.dispose();
    step.dispose();
    // The plan stays with the model, and serves the next step.
    const kept = memory();
    const other = new DecodeStep(weights, caches);
    decode(other, model.config, 0);
    expect(memory()).toEqual(during);
    // In the wrong order: the caches go when they come back.
    caches[Symbol.dispose]();
    other.dispose();
    expect(memory().tensors).toBe(kept.tensors - 3 * model.config.numHiddenLayers);
    expect(kept.tensors).toBeGreaterThan(before.tensors);
    // Other values of a parameter, other plans.
    model.replace("model.norm.weight", keep(mul(model.tensor("model.norm.weight"), 2) as Tensor));
    expect(memory()).toEqual(empty);
    weights.dispose();
  });

  test("steps that take turns have a plan each, and one plan serves any caches of its shape", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const begin = (rows: number[][]) => {
      const caches = [cachesFor(weights), cachesFor(weights)] as const;
      for (const each of caches) read(weights, rows, each, {});
      return { direct: caches[0], planned: caches[1] };
    };
    const first = begin(prompt);
    const second = begin(tinyTokens(batch, 4));
    const steps = [new DecodeStep(weights, first.planned), new DecodeStep(weights, second.planned)] as const;
    const check = (index: number) => {
      for (const [at, { direct }] of [first, second].entries()) {
        const found = decode(steps[at] as DecodeStep, model.config, index);
        expect(found).toEqual(read(weights, column(index), direct, {}));
      }
    };
    for (const index of [0, 1]) check(index);
    for (const step of steps) step.dispose();
    // The plan that was given back last goes to the other one's caches.
    using later = new DecodeStep(weights, first.planned);
    expect(decode(later, model.config, 2)).toEqual(read(weights, column(2), first.direct, {}));
    for (const { direct, planned } of [first, second]) for (const each of [direct, planned]) each[Symbol.dispose]();
    weights.dispose();
  });

  test("the likeliest tokens and the sums of logits, from which it goes on by itself", async () => {
    for (const backend of ["cpu", "js"]) {
      await ready({ backend });
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      const before = () => memory().tensors;
      for (const round of [0, 1]) {
        using direct = cachesFor(weights);
        using planned = cachesFor(weights);
        for (const caches of [direct, planned]) read(weights, prompt, caches, {});
        using step = new DecodeStep(weights, planned, { gives: "likeliest" });
        let tokens = column(round).flat();
        const held = before();
        for (let index = 0; index < steps; index++) {
          const given = index === 0 ? tokenTensor(column(round), model.config) : undefined;
          const logits = read(
            weights,
            tokens.map((token) => [token]),
            direct,
            {},
          );
          const rows = [logits.slice(0, logits.length / batch), logits.slice(logits.length / batch)];
          tokens = rows.map((row) => row.indexOf(Math.max(...row)));
          const found = valuesOf(step.run(given));
          expect(found.filter((_, place) => place % 2 === 0)).toEqual(tokens);
          for (const [row, values] of rows.entries()) {
            const sum = values.reduce((total, value) => total + value, 0);
            expect(found[2 * row + 1]).toBeCloseTo(sum, 4);
          }
          expect(Array.from((step.logits as Tensor).dataSync())).toEqual(logits);
          given?.dispose();
        }
        const refusal = (message: RegExp) =>
          expect.objectContaining({ code: "contradiction", message: expect.stringMatching(message) });
        const more = tokenTensor(column(0), model.config);
        expect(() => step.run(more)).toThrowError(refusal(/goes on from those/));
        more.dispose();
        using other = new DecodeStep(weights, direct, { gives: "likeliest" });
        expect(() => other.run()).toThrowError(refusal(/no token to go on from/));
        step.dispose();
        // What stays is the plan alone, from the first round on.
        if (round === 1) expect(before()).toBe(held);
      }
      weights.dispose();
    }
  });

  test("tables that grow, and weights that are let go of, stay with it", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(tinyModel({ maxPositionEmbeddings: 256 }));
    const weights = model.weights();
    using direct = cachesFor(weights);
    using planned = cachesFor(weights);
    for (const caches of [direct, planned]) read(weights, prompt, caches, {});
    using step = new DecodeStep(weights, planned);
    expect(decode(step, model.config, 0)).toEqual(read(weights, column(0), direct, {}));
    using large = cachesFor(weights, 200);
    for (let time = 1; time < 12; time++) read(weights, tinyTokens(batch, time), large, {});
    weights.dispose();
    const found = decode(step, model.config, 1);
    const fresh = model.weights();
    expect(found).toEqual(read(fresh, column(1), direct, {}));
    fresh.dispose();
  });

  test("what does not fit is refused, and changes nothing", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    using caches = cachesFor(weights, promptLength + 2);
    const refusal = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    expect(() => new DecodeStep(weights, caches, { iterations: 2, streamOff: true })).toThrowError(
      refusal("contradiction", /carry the state stream on/),
    );
    const step = new DecodeStep(weights, caches);
    expect(() => decode(step, model.config, 0)).toThrowError(refusal("contradiction", /hold nothing/));
    read(weights, prompt, caches, {});
    const wrong = tokenTensor(prompt, model.config);
    const before = contents(caches, model.config);
    expect(() => step.run(wrong)).toThrowError(refusal("shape-mismatch", /tokens should be \[2,1\], but are \[2,3\]/));
    expect(contents(caches, model.config)).toEqual(before);
    decode(step, model.config, 0);
    expect(() => step.run(wrong)).toThrowError(refusal("shape-mismatch", /tokens should be \[2,1\]/));
    const borrowed = refusal("contradiction", /a decode step or a batch has borrowed the/);
    expect(() => caches.kv.keys(0)).toThrowError(borrowed);
    expect(() => caches.states.state(0)).toThrowError(borrowed);
    expect(() => read(weights, column(1), caches, {})).toThrowError(borrowed);
    expect(() => decode(new DecodeStep(weights, caches), model.config, 1)).toThrowError(borrowed);
    decode(step, model.config, 1);
    expect(() => decode(step, model.config, 2)).toThrowError(refusal("context-overflow", /5 positions are filled/));
    await ready({ backend: "js" });
    step.dispose();
    await ready({ backend: "cpu" });
    expect(() => decode(step, model.config, 2)).toThrowError(refusal("disposed", /decode step was disposed of/));
    expect(caches.kv.length).toBe(promptLength + 2);
    wrong.dispose();
    weights.dispose();
  });
});
