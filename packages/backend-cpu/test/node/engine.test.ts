/** The engine under the kernels: matrix products in all transpositions, borrowed operations, a heap that stays as it is. */
import { heapBytes } from "@sst/backend-cpu";
import { matMul, memory, Random, ready, tensor, tile } from "@sst/tensor";
import { engine, type Tensor1D, unsortedSegmentSum } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const random = new Random("engine");

/** Σ_k a(i, k) · b(k, j) in float64, from arrays in memory order. */
function product(
  a: Float32Array,
  b: Float32Array,
  rows: number,
  depth: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
): number[] {
  const result: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        const left = a[transposeA ? k * rows + i : i * depth + k] as number;
        const right = b[transposeB ? j * depth + k : k * columns + j] as number;
        sum += left * right;
      }
      result.push(sum);
    }
  }
  return result;
}

describe("matrix products", () => {
  for (const [rows, depth, columns] of [
    [1, 1, 1],
    [4, 8, 8],
    [5, 7, 9],
    [3, 1, 17],
    [33, 20, 31],
  ] as const) {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        test(`${rows}×${depth} by ${depth}×${columns}, transposed: ${transposeA}, ${transposeB}`, () => {
          const a = random.normals(rows * depth, 1);
          const b = random.normals(depth * columns, 1);
          const left = tensor(a, transposeA ? [depth, rows] : [rows, depth]);
          const right = tensor(b, transposeB ? [columns, depth] : [depth, columns]);
          const result = matMul(left, right, transposeA, transposeB);
          const expected = product(a, b, rows, depth, columns, transposeA, transposeB);
          const given = result.dataSync();
          for (const [index, value] of expected.entries()) expect(given[index]).toBeCloseTo(value, 4);
          for (const each of [left, right, result]) each.dispose();
        });
      }
    }
  }

  test("batches, also against one operand for all", () => {
    const a = tensor(random.normals(2 * 3 * 4 * 5, 1), [2, 3, 4, 5]);
    const b = tensor(random.normals(5 * 6, 1), [1, 1, 5, 6]);
    const shared = matMul(a, b);
    const repeated = matMul(a, tile(b, [2, 3, 1, 1]));
    expect(shared.shape).toEqual([2, 3, 4, 6]);
    expect(shared.dataSync()).toEqual(repeated.dataSync());
  });

  test("a row times a column gives the same bits in every product", () => {
    const a = random.normals(9 * 21, 1);
    const b = random.normals(21 * 5, 1);
    const whole = matMul(tensor(a, [9, 21]), tensor(b, [21, 5])).dataSync();
    for (let row = 0; row < 9; row++) {
      const one = matMul(tensor(a.slice(row * 21, (row + 1) * 21), [1, 21]), tensor(b, [21, 5])).dataSync();
      expect(one).toEqual(whole.slice(row * 5, (row + 1) * 5));
    }
  });
});

test("an operation that the WebAssembly engine lacks is borrowed from JavaScript", () => {
  const summed = unsortedSegmentSum(
    tensor([1, 2, 3, 4], [4]) as Tensor1D,
    tensor([0, 1, 0, 1], [4], "int32") as Tensor1D,
    2,
  );
  expect(Array.from(summed.dataSync())).toEqual([4, 6]);
});

test("tensors, bytes and the heap return to their start", () => {
  const round = () => {
    engine().startScope();
    for (let count = 0; count < 50; count++)
      matMul(tensor(random.normals(10_000, 1), [100, 100]), tensor(random.normals(10_000, 1), [100, 100]));
    engine().endScope();
  };
  round();
  const before = { ...memory(), heap: heapBytes() };
  for (let count = 0; count < 5; count++) round();
  expect({ ...memory(), heap: heapBytes() }).toEqual(before);
});
