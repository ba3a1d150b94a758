/** A sum of exponentials is what `Math.exp` makes it, to twelve digits. */
import { Random } from "@sst/tensor";
import { expect, test } from "vitest";
import { sumOfExponentials } from "../../src/sampling/sum-of-exponentials.js";

const exactly = (values: readonly number[], largest: number) =>
  values.reduce((sum, value) => sum + Math.exp(value - largest), 0);

test("of values near and far, on the grid and off it, equal ones and one alone", () => {
  const random = new Random("exponentials");
  const cases = [
    [3],
    [5, 5, 5],
    [0, -1 / 64, -2 / 64, -63, -64, -65, -1000],
    Array.from(random.normals(5000, 1)),
    Array.from(random.normals(5000, 12)),
    Array.from({ length: 3000 }, () => -70 * random.uniform()),
  ];
  for (const values of cases) {
    const largest = Math.max(...values);
    expect(sumOfExponentials(values, largest) / exactly(values, largest)).toBeCloseTo(1, 12);
  }
});

test("-Infinity counts nothing, and NaN is heard", () => {
  expect(sumOfExponentials([1, Number.NEGATIVE_INFINITY], 1)).toBe(1);
  expect(sumOfExponentials([1, Number.NaN], 1)).toBeNaN();
  expect(sumOfExponentials([Number.NEGATIVE_INFINITY], Number.NEGATIVE_INFINITY)).toBeNaN();
});
