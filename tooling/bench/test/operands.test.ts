import { expect, test } from "vitest";
import { lastEntry, operands, operationCount } from "../src/models/operands.js";

test.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])("transposed %j and %j: shapes as they are stored, and the last entry by plain loops", (transposeA, transposeB) => {
  const product = { rows: 3, depth: 4, columns: 5, transposeA, transposeB };
  const { a, b } = operands(product);
  expect(a.shape).toEqual(transposeA ? [4, 3] : [3, 4]);
  expect(b.shape).toEqual(transposeB ? [5, 4] : [4, 5]);
  const at = ({ shape, data }: typeof a, row: number, column: number, transposed: boolean) =>
    data[transposed ? column * shape[1] + row : row * shape[1] + column] as number;
  const expected = [0, 1, 2, 3].reduce((sum, k) => sum + at(a, 2, k, transposeA) * at(b, k, 4, transposeB), 0);
  expect(lastEntry(product)).toBeCloseTo(expected, 12);
  expect(operationCount(product)).toBe(120);
});
