import { expect, test } from "vitest";
import { bytesInTheory, type GrowthPoint, operationsInTheory } from "../src/models/growth-point.js";
import { fittedExponent } from "../src/statistics.js";

const point: GrowthPoint = { work: "training", width: 64, layers: 2, batch: 1, time: 128, iterations: 1, stream: true };

const exponent = (of: (point: GrowthPoint) => number, key: keyof GrowthPoint, sizes: number[], at = point) =>
  fittedExponent(sizes.map((size) => [size, of({ ...at, [key]: size })]));

test("operations grow with the batch, and with T between its first and its second power", () => {
  expect(exponent(operationsInTheory, "batch", [1, 4, 16])).toBeCloseTo(1, 12);
  expect(exponent(operationsInTheory, "time", [8, 16])).toBeCloseTo(1, 1);
  expect(exponent(operationsInTheory, "time", [2 ** 20, 2 ** 21])).toBeCloseTo(2, 2);
  expect(exponent(operationsInTheory, "width", [4096, 8192])).toBeCloseTo(2, 1);
});

test("memory has nothing of T × T", () => {
  expect(exponent(bytesInTheory, "time", [2 ** 20, 2 ** 21])).toBeCloseTo(1, 3);
  const decoding = { ...point, work: "decoding" } as const;
  expect(exponent(bytesInTheory, "time", [2 ** 20, 2 ** 21], decoding)).toBeCloseTo(1, 3);
});
