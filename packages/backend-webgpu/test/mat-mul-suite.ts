/** Matrix products: right in every transposition, batch and size, in one order of sums whatever the number of rows. */
import { concat, matMul, Random, slice, type Tensor, tensor, transpose } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { relativeError } from "../../layers/test/tiny-model.js";
import { read } from "./read.js";

/** `[batch, rows, depth]` by `[batch, depth, columns]`, in float64. */
function product(
  a: Float32Array,
  b: Float32Array,
  [batch, rows, depth, columns]: readonly [number, number, number, number],
): Float64Array {
  const y = new Float64Array(batch * rows * columns);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < depth; k++) {
        const left = a[(n * rows + i) * depth + k] as number;
        for (let j = 0; j < columns; j++) {
          const at = (n * rows + i) * columns + j;
          y[at] = (y[at] as number) + left * (b[(n * depth + k) * columns + j] as number);
        }
      }
    }
  }
  return y;
}

export function matMulSuite(): void {
  describe("matrix products", () => {
    const random = new Random("products");
    for (const sizes of [
      [1, 1, 1, 1],
      [1, 3, 5, 7],
      [2, 2, 4, 8],
      [3, 33, 20, 31],
      // The tiled program's.
      [1, 300, 40, 260],
      [70, 5, 6, 3],
    ] as const) {
      test(`[${sizes}]: batch, rows, depth, columns`, async () => {
        const [batch, rows, depth, columns] = sizes;
        const a = tensor(random.normals(batch * rows * depth, 1), [batch, rows, depth]);
        const b = tensor(random.normals(batch * depth * columns, 1), [batch, depth, columns]);
        const [aT, bT] = [transpose(a, [0, 2, 1]), transpose(b, [0, 2, 1])];
        const values = [(await a.data()) as Float32Array, (await b.data()) as Float32Array] as const;
        const expected = product(...values, sizes);
        for (const given of [
          matMul(a, b),
          matMul(aT, b, true),
          matMul(a, bT, false, true),
          matMul(aT, bT, true, true),
        ]) {
          expect(given.shape).toEqual([batch, rows, columns]);
          expect(relativeError(await read(given), expected)).toBeLessThan(1e-6);
        }
        for (const each of [a, b, aT, bT]) each.dispose();
      });
    }

    test("one matrix for a whole batch, on either side, of any rank", async () => {
      const many = tensor(random.normals(2 * 3 * 4 * 5, 1), [2, 3, 4, 5]);
      const right = tensor(random.normals(5 * 6, 1), [5, 6]);
      const left = tensor(random.normals(6 * 4, 1), [1, 6, 4]);
      const [byRight, byLeft] = [matMul(many, right), matMul(left, many)];
      expect([byRight.shape, byLeft.shape]).toEqual([
        [2, 3, 4, 6],
        [2, 3, 6, 5],
      ]);
      const manyValues = (await many.data()) as Float32Array;
      const rightValues = (await right.data()) as Float32Array;
      expect(relativeError(await read(byRight), product(manyValues, rightValues, [1, 24, 5, 6]))).toBeLessThan(1e-6);
      const leftValues = await left.data();
      const repeated = Float32Array.from({ length: 6 * 24 }, (_, i) => leftValues[i % 24] as number);
      expect(relativeError(await read(byLeft), product(repeated, manyValues, [6, 6, 4, 5]))).toBeLessThan(1e-6);
      for (const each of [many, right, left]) each.dispose();
    });

    test("a row gives the same bits alone and among so many that another program runs", async () => {
      const [rows, depth, columns] = [400, 70, 200];
      const a = tensor(random.normals(rows * depth, 1), [rows, depth]);
      const b = tensor(random.normals(columns * depth, 1), [columns, depth]);
      const whole = await read(matMul(a, b, false, true));
      const alone = [0, 1, 399].map((row) => matMul(slice(a, [row, 0], [1, depth]), b, false, true));
      const joined = await read(concat(alone) as Tensor);
      const expected = [0, 1, 399].flatMap((row) => Array.from(whole.subarray(row * columns, (row + 1) * columns)));
      expect(Array.from(joined)).toEqual(expected);
      for (const each of [a, b, ...alone]) each.dispose();
    });
  });
}
