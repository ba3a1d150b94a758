import { describe, expect, test } from "vitest";
import { fittedExponent, median, medianRatio } from "../src/statistics.js";

describe("median", () => {
  test("is the middle one, or halfway between the two middle ones", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([10, 1, 3, 5])).toBe(4);
    expect(median([7])).toBe(7);
  });

  test("of nothing is not a number", () => {
    expect(median([])).toBeNaN();
  });
});

test("ratios are formed within a round: a slow round meets both sides", () => {
  expect(medianRatio([2, 20, 2], [1, 10, 1])).toBe(2);
  expect(medianRatio([1, 9, 2], [1, 1, 1])).toBe(2);
});

test("an exponent is found through noise-free and noisy points", () => {
  const sizes = [64, 128, 256, 512, 1024];
  expect(fittedExponent(sizes.map((x) => [x, 3 * x ** 1.5]))).toBeCloseTo(1.5, 12);
  expect(fittedExponent(sizes.map((x, index) => [x, x * (index % 2 === 0 ? 1.01 : 0.99)]))).toBeCloseTo(1, 1);
});
