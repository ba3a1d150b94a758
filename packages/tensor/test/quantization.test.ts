/** Weights in few bits: what is rounded comes back within half a step, what fits exactly comes back exactly. */
import { packMatrix, unpackMatrix } from "@sst/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHalf, packHalves, toHalf, unpackHalf } from "../src/float16.js";

describe("halves", () => {
  test("every half comes back from its value", () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = fromHalf(half);
      if (Number.isNaN(value)) expect(fromHalf(toHalf(value))).toBeNaN();
      else expect(toHalf(value)).toBe(half);
    }
  });

  test("known values (IEEE 754, binary16)", () => {
    expect([1, -2, 65504, 2 ** -24, 2 ** -14, 1 / 3, 65520, 1e9, 2 ** -26].map(toHalf)).toEqual([
      0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00, 0x7c00, 0,
    ]);
  });

  test("a value goes to the nearest half, ties to the even one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.double({ min: 0, max: 1, noNaN: true }), (half, share) => {
        const [below, above] = [fromHalf(half), fromHalf(half + 1)];
        const value = Math.fround(below + share * (above - below));
        const middle = (below + above) / 2;
        const nearest = value < middle || (value === middle && half % 2 === 0) ? half : half + 1;
        expect(toHalf(value)).toBe(nearest);
      }),
    );
  });

  test("an odd number of them ends with a zero", () => {
    const words = packHalves([1, 2, 3]);
    expect([0, 1, 2, 3].map((index) => unpackHalf(words, index))).toEqual([1, 2, 3, 0]);
  });
});

describe("matrices", () => {
  const matrices = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 100 }))
    .chain(([outSize, inSize]) =>
      fc.tuple(
        fc.constant([outSize, inSize] as const),
        fc.array(fc.float({ min: -100, max: 100, noNaN: true }), {
          minLength: outSize * inSize,
          maxLength: outSize * inSize,
        }),
      ),
    );

  for (const [format, largest] of [
    ["int8", 127],
    ["int4", 7],
  ] as const) {
    test(`${format}: an entry is off by at most half a step of its block, and little more`, () => {
      fc.assert(
        fc.property(matrices, ([shape, values]) => {
          const back = unpackMatrix(packMatrix(values, shape, format));
          for (let row = 0; row < shape[0]; row++) {
            for (let start = 0; start < shape[1]; start += 32) {
              const block = values.slice(row * shape[1] + start, row * shape[1] + Math.min(start + 32, shape[1]));
              const step = Math.max(...block.map(Math.abs)) / largest;
              // Rounding the scale to a half (2^-11, or 2^-25 for a subnormal) counts as often as the integer says.
              const bound = step / 2 + largest * Math.max(step * 2 ** -11, 2 ** -25) + 1e-6;
              block.forEach((value, i) => {
                const given = back[row * shape[1] + start + i] as number;
                expect(Math.abs(given - value)).toBeLessThanOrEqual(bound);
              });
            }
          }
        }),
      );
    });

    test(`${format}: whole numbers under a scale of 1 come back exactly`, () => {
      const values = Array.from({ length: 2 * 70 }, (_, i) => ((i * 5) % (2 * largest + 1)) - largest);
      for (const start of [0, 32, 64, 70, 102, 134]) values[start] = largest;
      expect(Array.from(unpackMatrix(packMatrix(values, [2, 70], format)))).toEqual(values);
    });
  }

  test("f16: every entry is the nearest half", () => {
    fc.assert(
      fc.property(matrices, ([shape, values]) => {
        const back = unpackMatrix(packMatrix(values, shape, "f16"));
        values.forEach((value, i) => {
          expect(back[i]).toBe(fromHalf(toHalf(value)));
        });
      }),
    );
  });

  test("sizes are as documented: per row 8 or 4 words a block of 32, scales as halves", () => {
    const sizes = (["f16", "int8", "int4"] as const).map((format) => {
      const { words, scales } = packMatrix(new Float32Array(3 * 70), [3, 70], format);
      return [words.length, scales.length];
    });
    expect(sizes).toEqual([
      [3 * 35, 0],
      [3 * 3 * 8, 5],
      [3 * 3 * 4, 5],
    ]);
  });

  test("what does not fit is refused by its place", () => {
    expect(() => packMatrix([1, 2, 3], [2, 2], "int8")).toThrowError(
      expect.objectContaining({ code: "shape-mismatch" }),
    );
    expect(() => packMatrix([1, 2, Number.NaN, 4], [2, 2], "int4")).toThrowError(
      expect.objectContaining({
        code: "not-finite",
        message: "entry [1, 0] of the matrix is NaN and has no place in int4",
      }),
    );
  });
});
