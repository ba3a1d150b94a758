/** Measures of distributions are their closed forms. */
import { entropyNats, jensenShannonBits, kullbackLeiblerNats, totalVariation } from "@sst/infer";
import { describe, expect, test } from "vitest";

const logs = (...probabilities: number[]) => probabilities.map(Math.log);

describe("entropy", () => {
  const cases: [number[], number][] = [
    [[1, 0, 0], 0],
    [[1 / 4, 1 / 4, 1 / 4, 1 / 4], Math.log(4)],
    // Of halves, quarters, ...: 1/2·1 + 1/4·2 + 2·1/8·3 = 1.75 bits.
    [[1 / 2, 1 / 4, 1 / 8, 1 / 8], 1.75 * Math.LN2],
  ];
  for (const [probabilities, nats] of cases) {
    test(`${probabilities.join(", ")}`, () => expect(entropyNats(logs(...probabilities))).toBeCloseTo(nats, 12));
  }
});

describe("Kullback-Leibler", () => {
  test("is nothing for equal ones, and depends on the direction", () => {
    const [left, right] = [logs(1 / 2, 1 / 2), logs(1 / 4, 3 / 4)];
    expect(kullbackLeiblerNats(left, left)).toBe(0);
    expect(kullbackLeiblerNats(left, right)).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 12);
    expect(kullbackLeiblerNats(right, left)).toBeCloseTo(0.25 * Math.log(1 / 2) + 0.75 * Math.log(3 / 2), 12);
  });

  test("is infinite where something was impossible, and finite where it is now", () => {
    expect(kullbackLeiblerNats(logs(1 / 2, 1 / 2), logs(1, 0))).toBe(Number.POSITIVE_INFINITY);
    expect(kullbackLeiblerNats(logs(1, 0), logs(1 / 2, 1 / 2))).toBeCloseTo(Math.LN2, 12);
  });
});

describe("Jensen-Shannon", () => {
  test("is 0 for equal ones, 1 bit for disjoint ones, and symmetric", () => {
    expect(jensenShannonBits(logs(1 / 3, 2 / 3), logs(1 / 3, 2 / 3))).toBeCloseTo(0, 12);
    expect(jensenShannonBits(logs(1, 0, 0), logs(0, 1 / 2, 1 / 2))).toBeCloseTo(1, 12);
    const [left, right] = [logs(0.9, 0.1), logs(0.2, 0.8)];
    expect(jensenShannonBits(left, right)).toBeCloseTo(jensenShannonBits(right, left), 12);
  });

  test("is the entropy of the middle without those of the two", () => {
    // H(3/4, 1/4) − (H(1, 0) + H(1/2, 1/2)) / 2 in bits.
    const middle = -(0.75 * Math.log2(0.75) + 0.25 * Math.log2(0.25));
    expect(jensenShannonBits(logs(1, 0), logs(1 / 2, 1 / 2))).toBeCloseTo(middle - 1 / 2, 12);
  });
});

test("total variation is half of what differs", () => {
  expect(totalVariation(logs(1, 0), logs(0, 1))).toBe(1);
  expect(totalVariation(logs(0.5, 0.3, 0.2), logs(0.4, 0.3, 0.3))).toBeCloseTo(0.1, 12);
});

test("distributions over different vocabularies are refused", () => {
  for (const measure of [kullbackLeiblerNats, jensenShannonBits, totalVariation]) {
    expect(() => measure(logs(1), logs(0.5, 0.5))).toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
  }
});
