/** The statistics against closed forms, published values and brute force. */
import { bootstrapInterval, bootstrapMean, compare, errorReduction, mcNemarExact } from "@sst/eval";
import { Random } from "@sst/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** Two-sided binomial tail in whole numbers, without logarithms. */
function byCounting(a: number, b: number): number {
  const n = a + b;
  const row = Array.from({ length: n + 1 }, () => 1n);
  for (let k = 1; k <= n; k++) row[k] = ((row[k - 1] as bigint) * BigInt(n - k + 1)) / BigInt(k);
  const tail = row.slice(0, Math.min(a, b) + 1).reduce((total, each) => total + each, 0n);
  return Math.min(1, Number((2n * tail * 10n ** 15n) / 2n ** BigInt(n)) / 1e15);
}

describe("McNemar's exact test", () => {
  test("known values", () => {
    // All of n on one side: 2 / 2^n.
    for (const n of [1, 2, 5, 10]) expect(mcNemarExact(n, 0)).toBeCloseTo(Math.min(1, 2 / 2 ** n), 12);
    // 2 · (1 + 10 + 45) / 1024
    expect(mcNemarExact(2, 8)).toBeCloseTo(112 / 1024, 12);
    expect(mcNemarExact(0, 0)).toBe(1);
    expect(mcNemarExact(7, 7)).toBe(1);
  });

  test("agrees with counting, is symmetric, and never above 1", () => {
    const counts = fc.integer({ min: 0, max: 150 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const p = mcNemarExact(a, b);
        expect(p).toBeCloseTo(byCounting(a, b), 10);
        expect(mcNemarExact(b, a)).toBe(p);
        expect(p > 0 && p <= 1).toBe(true);
      }),
    );
  });

  test("thousands of questions are no trouble", () => {
    // The normal approximation with continuity correction: z = (|6000 - 5000| - 1) / sqrt(11000) = 9.525
    expect(mcNemarExact(5000, 6000)).toBeGreaterThan(1e-22);
    expect(mcNemarExact(5000, 6000)).toBeLessThan(1e-20);
    // z = (100 - 1) / sqrt(10000) = 0.99, p = 0.3222
    expect(mcNemarExact(5050, 4950)).toBeCloseTo(0.3222, 3);
  });

  test("refuses what is no count", () => {
    expect(() => mcNemarExact(-1, 2)).toThrowError(/whole number/);
    expect(() => mcNemarExact(1.5, 2)).toThrowError(/whole number/);
  });
});

describe("the bootstrap", () => {
  test("the interval of a mean is the textbook's: mean ± 1.96 · s / √n", () => {
    const values = new Random(1).normals(400, 1);
    const mean = values.reduce((total, value) => total + value, 0) / 400;
    const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / 400;
    const half = 1.96 * Math.sqrt(variance / 400);
    const { low, high, level } = bootstrapMean(values);
    expect(level).toBe(0.95);
    expect(low).toBeCloseTo(mean - half, 2);
    expect(high).toBeCloseTo(mean + half, 2);
  });

  test("covers the truth about as often as it says", () => {
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const random = new Random(`coverage/${run}`);
      const values = Array.from({ length: 100 }, () => Number(random.uniform() < 0.3));
      const { low, high } = bootstrapMean(values, { resamples: 400, seed: run });
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.89);
    expect(covered / 200).toBeLessThan(0.99);
  });

  test("lies within the values, holds equal ones, and is the seed's own", () => {
    const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(values, fc.nat(), (given, seed) => {
        const options = { seed, resamples: 50 };
        const { low, high } = bootstrapMean(given, options);
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...given) - 1e-9);
        expect(high).toBeLessThanOrEqual(Math.max(...given) + 1e-9);
        expect(bootstrapMean(given, options)).toEqual({ low, high, level: 0.95 });
      }),
    );
    expect(bootstrapMean([2, 2, 2])).toMatchObject({ low: 2, high: 2 });
    expect(bootstrapMean([0, 1, 0, 1], { seed: 1 })).not.toEqual(bootstrapMean([0, 1, 0, 1, 1], { seed: 2 }));
  });

  test("figures that do not exist are left out", () => {
    const { low, high } = bootstrapInterval(2, (indices) => (indices[0] === indices[1] ? Number.NaN : 3));
    expect([low, high]).toEqual([3, 3]);
    expect(() => bootstrapMean([])).toThrowError(/at least one/);
    expect(() => bootstrapMean([1], { level: 1 })).toThrowError(/between 0 and 1/);
    expect(() => bootstrapMean([1], { resamples: 0 })).toThrowError(/at least 1/);
  });
});

describe("comparison", () => {
  test("the paper's error reduction on GSM8K: 94.77 % to 97.19 % is 46 %", () => {
    expect(errorReduction(1319, 0.9477, 0.9477)).toBe(0);
    expect(errorReduction(1319, 0.9719, 0.9477)).toBeCloseTo(0.464, 3);
    expect(errorReduction(198, 0.6111, 0.4596)).toBeCloseTo((107 - 77) / 107, 6);
    expect(errorReduction(10, 1, 1)).toBeUndefined();
    expect(errorReduction(10, 0.8, 0.9)).toBe(-1);
  });

  test("counts as by hand", () => {
    const verdicts = [true, true, true, false, true, false, true, true];
    const baseline = [true, false, false, false, true, true, false, true];
    const { interval, ...figures } = compare(verdicts, baseline);
    expect(figures).toEqual({
      questions: 8,
      accuracy: 0.75,
      baselineAccuracy: 0.5,
      difference: 0.25,
      onlyModel: 3,
      onlyBaseline: 1,
      pValue: 2 * (1 + 4) * 0.0625,
      errorReduction: 0.5,
    });
    expect(interval.low).toBeLessThan(0.25);
    expect(interval.high).toBeGreaterThan(0.25);
  });

  test("the other way round everything changes its sign", () => {
    const verdicts = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(verdicts, (pairs) => {
        const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
        const forth = compare(left, right, { resamples: 20 });
        const back = compare(right, left, { resamples: 20 });
        expect(forth.difference).toBeCloseTo(-back.difference, 12);
        expect(forth.pValue).toBe(back.pValue);
        expect(forth.difference).toBeCloseTo(forth.accuracy - forth.baselineAccuracy, 12);
        if (forth.errorReduction !== undefined) expect(forth.errorReduction).toBeLessThanOrEqual(1);
      }),
    );
    expect(() => compare([true], [])).toThrowError(/same questions/);
  });
});
