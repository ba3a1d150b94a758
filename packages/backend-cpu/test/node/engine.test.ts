/** The engine under the kernels: matrix products in all transpositions, borrowed operations, a heap that stays as it is. */
import { heapBytes } from "@sst/backend-cpu";
import {
  add,
  argMax,
  concat,
  matMul,
  memory,
  mul,
  pad,
  Random,
  ready,
  slice,
  sub,
  sum,
  type Tensor,
  tensor,
  tile,
  transpose,
} from "@sst/tensor";
import { engine, split, type Tensor1D, unsortedSegmentSum } from "@tensorflow/tfjs-core";
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
    // From 64 rows on panels are taller; then a part of a panel, more depth than is worked off at once, more rows.
    [65, 19, 31],
    [102, 261, 13],
    [533, 257, 66],
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
          const errors = Array.from(result.dataSync(), (value, index) => Math.abs(value - (expected[index] as number)));
          expect(errors.length).toBe(expected.length);
          expect(errors.reduce((largest, error) => Math.max(largest, error))).toBeLessThan(5e-5);
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
    const b = random.normals(21 * 5, 1);
    for (const rows of [9, 71]) {
      const a = random.normals(rows * 21, 1);
      const whole = matMul(tensor(a, [rows, 21]), tensor(b, [21, 5])).dataSync();
      for (let row = 0; row < rows; row++) {
        const one = matMul(tensor(a.slice(row * 21, (row + 1) * 21), [1, 21]), tensor(b, [21, 5])).dataSync();
        expect(one).toEqual(whole.slice(row * 5, (row + 1) * 5));
      }
    }
  });
});

test("the first of the largest along the last axis, in any place of any length", () => {
  for (const size of [1, 3, 4, 7, 64, 513]) {
    for (const place of [0, size >> 1, size - 1]) {
      const values = random.normals(2 * size, 1);
      values[place] = 9;
      values[size - 1] = 9;
      values[size + place] = Number.POSITIVE_INFINITY;
      expect(Array.from(argMax(tensor(values, [2, size]), -1).dataSync()), `${size}, ${place}`).toEqual([place, place]);
    }
  }
});

describe("basic operations on shapes that broadcast, join and turn, against plain loops", () => {
  const a = random.normals(2 * 3 * 4 * 5, 1);
  const at = (i: number, j: number, k: number, l: number) => a[((i * 3 + j) * 4 + k) * 5 + l] as number;
  const x = () => tensor(a, [2, 3, 4, 5]);
  const cells = (f: (i: number, j: number, k: number, l: number) => number) =>
    Float32Array.from({ length: 120 }, (_, n) =>
      f(Math.floor(n / 60), Math.floor(n / 20) % 3, Math.floor(n / 5) % 4, n % 5),
    );

  test("sums and products with rows, columns and single numbers", () => {
    const row = random.normals(5, 1);
    const column = random.normals(2 * 4, 1);
    const r = tensor(row, [5]);
    const c = tensor(column, [2, 1, 4, 1]);
    expect(add(x(), r).dataSync()).toEqual(cells((i, j, k, l) => at(i, j, k, l) + (row[l] as number)));
    expect(mul(c, x()).dataSync()).toEqual(
      cells((i, j, k, l) => Math.fround(at(i, j, k, l) * (column[i * 4 + k] as number))),
    );
    expect(sub(2, x()).dataSync()).toEqual(cells((i, j, k, l) => 2 - at(i, j, k, l)));
    expect(add(r, tensor([1, 2], [2, 1])).shape).toEqual([2, 5]);
    expect(add(tensor([2], []), tensor([3], [])).dataSync()).toEqual(Float32Array.of(5));
  });

  test("transpositions, slices, repetitions and joins", () => {
    const turned = transpose(x(), [0, 2, 1, 3]);
    expect(turned.shape).toEqual([2, 4, 3, 5]);
    expect(turned.dataSync()[5 * 3 + 2]).toBe(at(0, 0, 1, 2));
    expect(transpose(turned, [0, 2, 1, 3]).dataSync()).toEqual(a);
    expect(transpose(x(), [3, 1, 0, 2]).dataSync()[0 + 4 * 1 + 8 * 2]).toBe(at(1, 2, 0, 0));
    const cut = slice(x(), [1, 0, 1, 2], [1, 3, 2, 3]);
    expect(Array.from(cut.dataSync()).slice(0, 6)).toEqual(
      [2, 3, 4].map((l) => at(1, 0, 1, l)).concat([2, 3, 4].map((l) => at(1, 0, 2, l))),
    );
    const repeated = tile(x(), [1, 2, 1, 3]);
    expect(repeated.shape).toEqual([2, 6, 4, 15]);
    expect(repeated.dataSync()[15 * 4 * 3 + 15 + 7]).toBe(at(0, 0, 1, 2));
    for (const axis of [0, 1, 2, 3]) {
      const halves = [
        slice(
          x(),
          [0, 0, 0, 0],
          [2, 3, 4, 5].map((size, index) => (index === axis ? 1 : size)),
        ),
        slice(
          x(),
          [0, 1, 2, 3].map((index) => (index === axis ? 1 : 0)),
        ),
      ];
      expect(concat(halves as Tensor[], axis).dataSync(), `axis ${axis}`).toEqual(a);
    }
  });

  test("parts of any size along any axis, and a border around", () => {
    for (const [axis, sizes] of [
      [0, [1, 1]],
      [1, [2, 1]],
      [2, [1, 1, 2]],
      [3, [4, 1]],
    ] as const) {
      const parts = split(x(), [...sizes], axis);
      expect(parts.map(({ shape }) => shape[axis])).toEqual(sizes);
      let start = 0;
      for (const [index, part] of parts.entries()) {
        const begin = [0, 1, 2, 3].map((each) => (each === axis ? start : 0));
        const cut = slice(x(), begin, part.shape);
        expect(part.dataSync(), `axis ${axis}, part ${index}`).toEqual(cut.dataSync());
        start += sizes[index] as number;
      }
    }
    const around: [number, number][] = [
      [0, 1],
      [2, 0],
      [0, 0],
      [1, 3],
    ];
    const padded = pad(x(), around, 7);
    expect(padded.shape).toEqual([3, 5, 4, 9]);
    const values = padded.dataSync();
    for (let n = 0; n < values.length; n++) {
      const [i, j, k, l] = [Math.floor(n / 180), Math.floor(n / 36) % 5, Math.floor(n / 9) % 4, n % 9] as const;
      const isInside = i < 2 && j >= 2 && l >= 1 && l < 6;
      expect(values[n]).toBe(isInside ? at(i, j - 2, k, l - 1) : 7);
    }
  });

  test("sums over the last axes, the first, and some between", () => {
    const total = (f: (n: number) => boolean) => a.reduce((sum, value, n) => (f(n) ? sum + value : sum), 0);
    expect(sum(x()).dataSync()[0]).toBeCloseTo(
      total(() => true),
      4,
    );
    expect(sum(x(), [2, 3]).dataSync()[4]).toBeCloseTo(
      total((n) => Math.floor(n / 20) === 4),
      4,
    );
    expect(sum(x(), 0).dataSync()[7]).toBeCloseTo(
      total((n) => n % 60 === 7),
      4,
    );
    expect(sum(x(), [1], true).shape).toEqual([2, 1, 4, 5]);
    expect(sum(x(), 1).dataSync()[21]).toBeCloseTo(
      total((n) => n >= 60 && n % 20 === 1),
      4,
    );
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
