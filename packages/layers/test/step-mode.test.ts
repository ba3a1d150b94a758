/** Reading a sequence in steps, in chunks and at once comes to the same. */
import "@sst/backend-cpu";
import {
  DecoderModel,
  type ForwardOptions,
  forward,
  KvCache,
  LatentStateCache,
  type ModelWeights,
  tokenTensor,
} from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyConfig, tinyModel, tinyTokens } from "./tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const batch = 2;
const time = 9;
const tokens = tinyTokens(batch, time);

function run(weights: ModelWeights, rows: number[][], options: ForwardOptions = {}): Float32Array {
  const input = tokenTensor(rows, weights.config);
  const logits = forward(weights, input, options);
  const values = logits.dataSync() as Float32Array;
  input.dispose();
  logits.dispose();
  return values;
}

/** Logits of the last position, read in chunks of the given lengths. */
function inChunks(weights: ModelWeights, lengths: number[], options: ForwardOptions): Float32Array {
  using kv = new KvCache(weights.config, batch, time);
  using states = new LatentStateCache(weights.config, batch);
  let start = 0;
  let last: Float32Array = new Float32Array();
  for (const length of lengths) {
    const rows = tokens.map((row) => row.slice(start, start + length));
    last = run(weights, rows, { ...options, caches: { kv, states }, lastPositionOnly: true });
    start += length;
  }
  return last;
}

function lastOf(logits: Float32Array): Float32Array {
  const { vocabSize } = tinyConfig;
  const rows = Array.from({ length: batch }, (_, row) => {
    const end = (row + 1) * time * vocabSize;
    return Array.from(logits.subarray(end - vocabSize, end));
  });
  return Float32Array.from(rows.flat());
}

describe("caches", () => {
  const modes: [string, ForwardOptions][] = [
    ["sequential", {}],
    ["two iterations", { iterations: 2 }],
    ["three iterations", { iterations: 3 }],
    ["stream off", { streamOff: true }],
    ["layerwise with a sweep per column", { solver: "layerwise", sweeps: time }],
    ["two-pass with a pass per column, shift", { solver: "two-pass", sweeps: time, propagation: "shift" }],
  ];
  for (const [name, options] of modes) {
    test(`${name}: step by step, in chunks and at once agree`, () => {
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      const whole = lastOf(run(weights, tokens, options));
      const steps = Array.from({ length: time }, () => 1);
      expect(relativeError(inChunks(weights, steps, options), whole)).toBeLessThan(1e-5);
      expect(relativeError(inChunks(weights, [4, 1, 4], options), whole)).toBeLessThan(1e-5);
      weights.dispose();
    });
  }

  test("a chunk that does not fit is refused, and the cache is as before", () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    using kv = new KvCache(weights.config, batch, 4);
    using states = new LatentStateCache(weights.config, batch);
    run(
      weights,
      tokens.map((row) => row.slice(0, 3)),
      { caches: { kv, states } },
    );
    const overflow = () =>
      run(
        weights,
        tokens.map((row) => row.slice(3, 5)),
        { caches: { kv, states } },
      );
    expect(overflow).toThrowError(expect.objectContaining({ code: "context-overflow" }));
    expect(kv.length).toBe(3);
    weights.dispose();
  });
});

describe("solvers", () => {
  test("with a sweep per column every solver is exact", () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const exact = run(weights, tokens);
    for (const solver of ["layerwise", "two-pass"] as const) {
      for (const propagation of ["shift", "scan"] as const) {
        const parallel = run(weights, tokens, { solver, propagation, sweeps: time });
        expect(relativeError(parallel, exact), `${solver} ${propagation}`).toBeLessThan(1e-5);
      }
    }
    weights.dispose();
  });

  test("the residual falls with the sweeps and is next to nothing for the exact solution", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const residuals: number[] = [];
    for (const sweeps of [1, 2, 4, time]) {
      const byLayer: Promise<number>[] = [];
      const onResidual = (layer: number, residual: Promise<number>) => {
        byLayer[layer] = residual;
      };
      run(weights, tokens, { solver: "layerwise", sweeps, onResidual });
      expect(byLayer).toHaveLength(tinyConfig.numHiddenLayers);
      residuals.push(Math.max(...(await Promise.all(byLayer))));
    }
    const exact: Promise<number>[] = [];
    run(weights, tokens, { onResidual: (_, residual) => exact.push(residual) });
    for (const residual of await Promise.all(exact)) expect(residual).toBeLessThan(1e-6);
    expect(residuals).toEqual([...residuals].sort((left, right) => right - left));
    expect(residuals.at(-1)).toBeLessThan(1e-5);
    weights.dispose();
  });

  test("alpha 0 gives the plain backbone's logits bit for bit, through the stream's own path", () => {
    using model = DecoderModel.fromData(tinyModel({ stateStream: { alphaMin: 0, alphaMax: 0 } }));
    const weights = model.weights();
    const plain = run(weights, tokens, { streamOff: true });
    const solvers: ForwardOptions[] = [{}, { solver: "layerwise" }, { solver: "two-pass", propagation: "shift" }];
    for (const options of solvers) expect(run(weights, tokens, options)).toEqual(plain);
    weights.dispose();
  });
});

describe("memory", () => {
  test("everything comes back", () => {
    const before = memory();
    const model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    inChunks(weights, [3, 3, 3], {});
    for (const solver of ["layerwise", "two-pass"] as const) run(weights, tokens, { solver, sweeps: 3 });
    weights.dispose();
    model.dispose();
    expect(memory()).toEqual(before);
  });
});

describe("contradictions", () => {
  const cases: [string, Partial<typeof tinyConfig>, ForwardOptions, string][] = [
    ["iterations with a parallel solver", {}, { iterations: 2, solver: "layerwise" }, "contradiction"],
    ["iterations with the stream off", {}, { iterations: 2, streamOff: true }, "contradiction"],
    ["no sweep", {}, { solver: "layerwise", sweeps: 0 }, "invalid-argument"],
    ["half an iteration", {}, { iterations: 0.5 }, "invalid-argument"],
  ];
  for (const [name, overrides, options, code] of cases) {
    test(name, () => {
      using model = DecoderModel.fromData(tinyModel(overrides));
      const weights = model.weights();
      expect(() => run(weights, tokens, options)).toThrowError(expect.objectContaining({ code }));
      weights.dispose();
    });
  }

  test("a plain backbone takes neither a solver nor iterations", () => {
    using model = DecoderModel.fromData(tinyBackbone());
    const weights = model.weights();
    expect(() => run(weights, tokens, { solver: "sequential" })).toThrowError(/no state stream/);
    expect(() => run(weights, tokens, { iterations: 2 })).toThrowError(/no state stream/);
    expect(run(weights, tokens)).toHaveLength(batch * time * tinyConfig.vocabSize);
    weights.dispose();
  });
});
