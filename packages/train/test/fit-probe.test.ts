/** The probe's fit against closed forms, finite differences and plain gradient descent. */
import { Random } from "@sst/tensor";
import { fitProbe, type ProbeRow } from "@sst/train";
import { describe, expect, test } from "vitest";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

function planted(count: number, size: number, seed = 0): ProbeRow[] {
  const random = new Random(`probe/${seed}`);
  const truth = random.normals(size, 1);
  return Array.from({ length: count }, () => {
    const features = random.normals(size, 2).map((value, index) => value + index);
    const logit = features.reduce((total, value, index) => total + (value - index) * (truth[index] as number), -0.5);
    return { features, label: random.uniform() < sigmoid(logit) };
  });
}

/** The penalised loss of a solution in standardised features, straight from its definition. */
function lossOf(
  rows: readonly ProbeRow[],
  l2: number,
  parameters: readonly number[],
  data: { mean: ArrayLike<number>; scale: ArrayLike<number> },
): number {
  let total = 0;
  for (const { features, label } of rows) {
    let logit = parameters.at(-1) as number;
    for (let index = 0; index < features.length; index++) {
      logit +=
        ((parameters[index] as number) * ((features[index] as number) - (data.mean[index] as number))) /
        (data.scale[index] as number);
    }
    total -= Math.log(label ? sigmoid(logit) : sigmoid(-logit));
  }
  return total + (l2 / 2) * parameters.slice(0, -1).reduce((sum, weight) => sum + weight ** 2, 0);
}

describe("fitProbe", () => {
  test("one feature, two values: the fitted logits solve the stationary equations", () => {
    // 30 of 40 survive at +1, 10 of 40 at -1: by symmetry the bias is 0 and w solves 80 · (3/4 - σ(w)) = 2 · l2 · w / 2
    const rows = [1, -1].flatMap((value) =>
      Array.from({ length: 40 }, (_, index) => ({ features: [value], label: index < (value > 0 ? 30 : 10) })),
    );
    const { weights, bias } = fitProbe(rows, { l2: 2 }).data;
    const w = weights[0] as number;
    expect(bias).toBeCloseTo(0, 6);
    expect(80 * (0.75 - sigmoid(w))).toBeCloseTo(2 * w, 4);
    // Without much of a penalty the fit is the log odds.
    expect(fitProbe(rows, { l2: 1e-6 }).data.weights[0]).toBeCloseTo(Math.log(3), 5);
  });

  test("no direction improves it: finite differences of the loss vanish", () => {
    const rows = planted(300, 12);
    const { data } = fitProbe(rows, { l2: 3 });
    const solution = [...data.weights, data.bias];
    const best = lossOf(rows, 3, solution, data);
    for (let index = 0; index < solution.length; index++) {
      const moved = (by: number) => lossOf(rows, 3, solution.with(index, (solution[index] as number) + by), data);
      expect(Math.abs(moved(1e-4) - moved(-1e-4)) / 2e-4).toBeLessThan(1e-3);
      expect(moved(0.05)).toBeGreaterThan(best);
      expect(moved(-0.05)).toBeGreaterThan(best);
    }
  });

  test("is where gradient descent ends", () => {
    const rows = planted(120, 4, 2);
    const { data } = fitProbe(rows, { l2: 5 });
    const standardised = rows.map(({ features }) =>
      Array.from(
        features as Float32Array,
        (value, index) => (value - (data.mean[index] as number)) / (data.scale[index] as number),
      ),
    );
    const parameters = new Array<number>(5).fill(0);
    for (let step = 0; step < 20_000; step++) {
      const gradient = parameters.map((weight, index) => (index < 4 ? 5 * weight : 0));
      for (const [row, features] of standardised.entries()) {
        const logit = features.reduce(
          (total, value, index) => total + value * (parameters[index] as number),
          parameters[4] as number,
        );
        const error = sigmoid(logit) - Number(rows[row]?.label);
        for (let index = 0; index < 5; index++)
          gradient[index] = (gradient[index] as number) + error * (features[index] ?? 1);
      }
      for (let index = 0; index < 5; index++)
        parameters[index] = (parameters[index] as number) - 0.01 * (gradient[index] as number);
    }
    for (let index = 0; index < 4; index++) expect(data.weights[index]).toBeCloseTo(parameters[index] as number, 4);
    expect(data.bias).toBeCloseTo(parameters[4] as number, 4);
  });

  test("more features than rows, constant features and separable classes are no trouble, and it repeats itself", () => {
    const rows = planted(30, 100).map(({ features, label }) => ({ features: [...Array.from(features), 7], label }));
    const { data } = fitProbe(rows);
    expect(data.weights.every(Number.isFinite)).toBe(true);
    expect(data.weights.at(-1)).toBe(0);
    expect(fitProbe(rows).data).toEqual(data);
    const separable = [-2, -1, 1, 2].map((value) => ({ features: [value], label: value > 0 }));
    const probe = fitProbe(separable, { l2: 0.1 });
    expect(probe.probability([2])).toBeGreaterThan(0.8);
    expect(probe.probability([-2])).toBeLessThan(0.2);
  });

  test("refuses one class alone, rows of different length, and what is no number", () => {
    const row = { features: [1, 2], label: true };
    expect(() => fitProbe([row, row])).toThrowError(/of 2 2 survive/);
    expect(() => fitProbe([row, { features: [1], label: false }])).toThrowError(/row 2 has 1/);
    expect(() => fitProbe([row, { features: [1, Number.NaN], label: false }])).toThrowError(/row 2 .* not finite/);
    expect(() => fitProbe([row, { ...row, label: false }], { l2: 0 })).toThrowError(/l2 should be above 0/);
    const probe = fitProbe([row, { features: [2, 1], label: false }]);
    expect(() => probe.probability([1])).toThrowError(/reads 2 features, but was given 1/);
  });
});
