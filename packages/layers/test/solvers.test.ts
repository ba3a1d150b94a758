/** Choosing a solver, and gradients through all sweeps. */
import "@sst/backend-cpu";
import {
  chooseSolver,
  DecoderModel,
  documentTensors,
  type ForwardOptions,
  forward,
  meanCrossEntropy,
  tokenTensor,
} from "@sst/layers";
import { memory, ready, scalar, type Tensor, valueAndGradients } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { logitsOf, relativeError, tinyModel, tinyTokens } from "./tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const rows = tinyTokens(3, 12);
const alpha = (alphaMin: number, alphaMax: number) => ({ stateStream: { alphaMin, alphaMax } });

async function choose(model: DecoderModel, wishes?: Parameters<typeof chooseSolver>[2], sample = rows) {
  const weights = model.weights();
  const tokens = tokenTensor(sample, model.config);
  try {
    return await chooseSolver(weights, tokens, wishes);
  } finally {
    weights.dispose();
    tokens.dispose();
  }
}

describe("chooseSolver", () => {
  test("takes as many sweeps as the tolerance needs, and no more", async () => {
    using model = DecoderModel.fromData(tinyModel(alpha(0.01, 0.03)));
    const exact = await logitsOf(model, rows);
    const before = memory();
    const found: number[] = [];
    for (const tolerance of [1e-2, 1e-4, 1e-6]) {
      const choice = await choose(model, { tolerance, maximumSweeps: 8 });
      expect(choice.solver).toBe("layerwise");
      expect(choice.residual).toBeLessThanOrEqual(tolerance);
      expect(choice.seen.at(-1)).toEqual({ sweeps: choice.sweeps, residual: choice.residual });
      const { sweeps } = choice as { sweeps: number };
      const logits = await logitsOf(model, rows, { solver: "layerwise", sweeps });
      expect(relativeError(logits, exact)).toBeLessThan(10 * tolerance);
      found.push(sweeps);
    }
    expect(found[0]).toBe(2);
    expect(found).toEqual(found.toSorted((left, right) => left - right));
    expect(found[2]).toBeGreaterThan(found[0] as number);
    expect(memory()).toEqual(before);
  });

  test("falls back to the exact solver where sweeps do not contract, and where too many would be needed", async () => {
    // A network that turns a small change of what it is given into a large one of what it gives.
    const data = tinyModel(alpha(0.8, 0.9));
    for (const [name, { data: values }] of Object.entries(data.weights)) {
      if (name.endsWith("down_proj.weight"))
        for (let i = 0; i < values.length; i++) values[i] = 20 * (values[i] as number);
    }
    using holding = DecoderModel.fromData(data);
    const choice = await choose(holding, { maximumSweeps: 100 });
    expect(choice).toMatchObject({
      solver: "sequential",
      residual: 0,
      reason: expect.stringMatching(/do not contract/),
    });
    expect(choice.seen).toHaveLength(2);
    using slow = DecoderModel.fromData(tinyModel(alpha(0.1, 0.2)));
    expect(await choose(slow, { tolerance: 1e-6, maximumSweeps: 3 })).toMatchObject({
      solver: "sequential",
      reason: expect.stringMatching(/sweeps or more would be needed, and 3 are allowed/),
    });
  });

  test("does not take sweeps for enough that as few columns leave no residual", async () => {
    using model = DecoderModel.fromData(tinyModel(alpha(0.01, 0.03)));
    const few = { solver: "sequential", reason: expect.stringMatching(/too few/) };
    expect(await choose(model, {}, tinyTokens(3, 2))).toMatchObject({ ...few, seen: [] });
    expect(await choose(model, { tolerance: 1e-9 }, tinyTokens(3, 3))).toMatchObject({ ...few, seen: [{ sweeps: 2 }] });
    expect(await choose(model, { tolerance: 1e-2 }, tinyTokens(3, 3))).toMatchObject({ solver: "layerwise" });
    // Two iterations of two positions are four columns, but with recirculation a position is by itself.
    expect(await choose(model, { tolerance: 0.1, iterations: 2 }, tinyTokens(3, 2))).toMatchObject({ sweeps: 2 });
    using recirculating = DecoderModel.fromData(
      tinyModel({ stateStream: { alphaMin: 0.01, alphaMax: 0.03, recirculate: true } }),
    );
    expect(await choose(recirculating, { iterations: 2 })).toMatchObject({ ...few, seen: [] });
    expect(await choose(recirculating, { tolerance: 0.1 })).toMatchObject({ solver: "layerwise" });
  });

  test("sees in packed rows what it sees in their documents by themselves", async () => {
    using model = DecoderModel.fromData(tinyModel(alpha(0.1, 0.5)));
    const packed = rows.map((row) => [...row, ...row.toReversed()]);
    const starts = new Int32Array(packed.length * 24).map((_, index) => (index % 24 < 12 ? 0 : 12));
    const documents = documentTensors(starts, packed.length, 24);
    const together = await choose(model, { documents }, packed);
    const apart = await choose(model, {}, [...rows, ...rows.map((row) => row.toReversed())]);
    expect(together.seen).toHaveLength(apart.seen.length);
    for (const [index, { residual }] of apart.seen.entries()) {
      expect((together.seen[index]?.residual as number) / residual).toBeCloseTo(1, 3);
    }
    for (const each of Object.values(documents)) each.dispose();
  });

  test("refuses wishes that make no sense", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const refusal = (message: RegExp) =>
      expect.objectContaining({ code: "invalid-argument", message: expect.stringMatching(message) });
    for (const tolerance of [0, -1, Number.NaN]) {
      await expect(choose(model, { tolerance })).rejects.toThrowError(refusal(/tolerance should be above 0/));
    }
    for (const maximumSweeps of [1, 2.5]) {
      await expect(choose(model, { maximumSweeps })).rejects.toThrowError(refusal(/maximumSweeps should be/));
    }
  });
});

describe("gradients through all sweeps", () => {
  function gradients(model: DecoderModel, options: ForwardOptions): Record<string, Float32Array> {
    const parameters = Object.fromEntries(model.parameterNames.map((name) => [name, model.tensor(name)]));
    const tokens = tokenTensor(rows, model.config);
    const labels = tokenTensor(rows, model.config);
    const count = scalar(rows.length * (rows[0]?.length ?? 0));
    const { value, gradients: found } = valueAndGradients(
      () => meanCrossEntropy(forward(model.weights(), tokens, options), labels, count),
      parameters,
    );
    const values = Object.entries(found).map(([name, each]) => [name, each.dataSync() as Float32Array] as const);
    for (const each of [value, tokens, labels, count, ...Object.values(found)]) (each as Tensor).dispose();
    return Object.fromEntries(values);
  }

  for (const solver of ["layerwise", "two-pass"] as const) {
    for (const propagation of ["shift", "scan"] as const) {
      test(`${solver}, ${propagation}: with as many as there are positions they are those of the exact solver`, () => {
        using model = DecoderModel.fromData(tinyModel(alpha(0.1, 0.5)));
        const exact = gradients(model, { solver: "sequential" });
        const sweeps = rows[0]?.length as number;
        const all = gradients(model, { solver, propagation, sweeps, sweepGradient: "all" });
        const last = gradients(model, { solver, propagation, sweeps });
        for (const [name, expected] of Object.entries(exact)) {
          expect(relativeError(all[name] as Float32Array, expected), name).toBeLessThan(1e-4);
        }
        const theta = "model.layers.0.state_stream.theta";
        expect(relativeError(last[theta] as Float32Array, exact[theta] as Float32Array)).toBeGreaterThan(1e-3);
      });
    }
  }
});
