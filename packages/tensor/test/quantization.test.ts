/** Weights in few bits: what is rounded comes back within half a step, what fits exactly comes back exactly. */
import { nf4Values, packMatrix, unpackMatrix } from "@sst/tensor";
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

  test("nf4: every entry is the nearest of its block's sixteen values", () => {
    fc.assert(
      fc.property(matrices, ([shape, values]) => {
        const back = unpackMatrix(packMatrix(values, shape, "nf4"));
        values.forEach((value, i) => {
          const row = Math.floor(i / shape[1]);
          const start = row * shape[1] + Math.floor((i % shape[1]) / 64) * 64;
          const block = values.slice(start, Math.min(start + 64, (row + 1) * shape[1]));
          const scale = Math.max(...block.map(Math.abs));
          const nearest = Math.min(...nf4Values.map((quantile) => Math.abs(quantile * scale - value)));
          expect(Math.abs((back[i] as number) - value)).toBeLessThanOrEqual(nearest + 1e-6 * scale + 2 ** -149);
        });
      }),
    );
  });

  test("nf4: an all-zero block, the largest of a block and its negative come back exactly", () => {
    const values = Array.from({ length: 130 }, (_, i) => (i < 64 ? 0 : i === 70 ? -3.7 : i === 100 ? 3.7 : 0));
    const back = unpackMatrix(packMatrix(values, [1, 130], "nf4"));
    expect(Array.from(back)).toEqual(values.map(Math.fround));
  });

  test("nf4's values are quantiles of a normal distribution, eight below zero and seven above (QLoRA)", () => {
    const quantile = (probability: number) => {
      // By bisection of the distribution, which is summed up here in small steps from 0 on.
      let sum = 0.5;
      let x = 0;
      const step = 1e-5;
      while (sum < probability) {
        sum += (step * Math.exp(-((x + step / 2) ** 2) / 2)) / Math.sqrt(2 * Math.PI);
        x += step;
      }
      return x;
    };
    const offset = 0.9677083;
    const spread = (count: number) => Array.from({ length: count }, (_, i) => offset + (i / count) * (0.5 - offset));
    const below = spread(7).map((p) => -quantile(p));
    const above = spread(8).map(quantile);
    const largest = quantile(offset);
    const all = [...below, 0, ...above.reverse()].map((value) => value / largest);
    expect(all).toHaveLength(16);
    for (const [index, value] of nf4Values.entries()) expect(value).toBeCloseTo(all[index] as number, 4);
  });

  test("sizes are as documented: per row 8 or 4 words a block of 32 or 64, scales as halves or floats", () => {
    const sizes = (["f16", "int8", "int4", "nf4"] as const).map((format) => {
      const { words, scales } = packMatrix(new Float32Array(3 * 70), [3, 70], format);
      return [words.length, scales.length];
    });
    expect(sizes).toEqual([
      [3 * 35, 0],
      [3 * 3 * 8, 5],
      [3 * 3 * 4, 5],
      [3 * 2 * 8, 3 * 2],
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
