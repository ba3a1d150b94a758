/** Random numbers: the same on every machine, spread as they should be, independent where they should be. */
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";

/**
 * Computed from the published algorithms (FNV-1a, MurmurHash3's finaliser, xoroshiro128+ in 64-bit integers) by another
 * program in another language. Who changes these changes every generated data set and every initial weight.
 */
const expected = [
  {
    seed: 0,
    uniforms: [0.7650780516897613, 0.44285810333718734, 0.6171263943920565],
    integers: [2, 4, 0, 5, 9, 7, 2, 7],
    normals: [-1.5935303411636155, -0.5373704288884706],
  },
  {
    seed: 1,
    uniforms: [0.7192781055401736, 0.4187135069696223, 0.570370660542719],
    integers: [6, 6, 3, 9, 5, 6, 8, 0],
    normals: [-1.390565124570285, 1.2896639268734662],
  },
  {
    seed: "s3/0/test",
    uniforms: [0.5715218742362792, 0.03768113607228307, 0.837038785002544],
    integers: [9, 7, 8, 6, 7, 4, 5, 1],
    normals: [1.2656143753168076, -0.8777685868583809],
  },
];

const draws = 20_000;
const many = (draw: () => number) => Array.from({ length: draws }, draw);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Σ (found - expected)² / expected over equal bins: close to the number of bins for a uniform spread. */
function chiSquare(values: readonly number[], bins: number): number {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.floor(value * bins)] = (counts[Math.floor(value * bins)] as number) + 1;
  const each = values.length / bins;
  return counts.reduce((sum, count) => sum + (count - each) ** 2 / each, 0);
}

function correlation(left: readonly number[], right: readonly number[]): number {
  const [leftMean, rightMean] = [mean(left), mean(right)];
  const products = left.map((value, index) => (value - leftMean) * ((right[index] as number) - rightMean));
  const deviation = (values: readonly number[], middle: number) =>
    Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  return mean(products) / (deviation(left, leftMean) * deviation(right, rightMean));
}

describe("the same numbers on every machine", () => {
  for (const { seed, uniforms, integers, normals } of expected) {
    test(`seed ${JSON.stringify(seed)}`, () => {
      const [forUniforms, forIntegers, forNormals] = [new Random(seed), new Random(seed), new Random(seed)];
      expect(uniforms.map(() => forUniforms.uniform())).toEqual(uniforms);
      expect(integers.map(() => forIntegers.integer(10))).toEqual(integers);
      // Sine and logarithm may differ in the last bit between engines.
      for (const value of normals) expect(forNormals.normal()).toBeCloseTo(value, 14);
    });
  }

  test("a number and its text are one seed", () => {
    expect(new Random("7").uniform()).toBe(new Random(7).uniform());
  });
});

describe("spread", () => {
  // With 19 degrees of freedom, 50 is passed by one uniform generator in several thousand.
  test("uniform draws, and the first draws of neighbouring seeds", () => {
    const random = new Random("spread");
    expect(
      chiSquare(
        many(() => random.uniform()),
        20,
      ),
    ).toBeLessThan(50);
    expect(
      chiSquare(
        Array.from({ length: draws }, (_, seed) => new Random(seed).uniform()),
        20,
      ),
    ).toBeLessThan(50);
  });

  test("integers reach every value and no other", () => {
    const random = new Random("integers");
    const values = many(() => random.integer(7));
    expect([...new Set(values)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(
      chiSquare(
        values.map((value) => value / 7),
        7,
      ),
    ).toBeLessThan(30);
    expect(new Set(Array.from({ length: 50 }, () => random.integer(1)))).toEqual(new Set([0]));
  });

  test("every order of three items is as likely, and the items stay where they were", () => {
    const random = new Random("orders");
    const items = ["a", "b", "c"];
    const orders = ["abc", "acb", "bac", "bca", "cab", "cba"];
    const found = many(() => orders.indexOf(random.shuffled(items).join("")));
    expect(new Set(found)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect(
      chiSquare(
        found.map((order) => order / 6),
        6,
      ),
    ).toBeLessThan(30);
    expect(items).toEqual(["a", "b", "c"]);
    expect(random.shuffled(new Map().keys())).toEqual([]);
  });

  test("normals have mean 0, the deviation asked for, and as many draws beyond two deviations as they should", () => {
    const values = [...new Random("normals").normals(draws, 3)];
    expect(Math.abs(mean(values))).toBeLessThan(0.1);
    expect(Math.sqrt(mean(values.map((value) => value ** 2)))).toBeCloseTo(3, 1);
    expect(values.filter((value) => Math.abs(value) > 6).length / draws).toBeCloseTo(0.0455, 2);
  });
});

describe("forks", () => {
  test("are the same whatever was drawn before", () => {
    const [fresh, used] = [new Random(3), new Random(3)];
    for (let count = 0; count < 10; count++) used.normal();
    expect(used.fork("part").uniform()).toBe(fresh.fork("part").uniform());
  });

  test("draw from them and their origin does not move", () => {
    const [alone, forked] = [new Random(3), new Random(3)];
    forked.fork("part").normals(10, 1);
    expect(forked.uniform()).toBe(alone.uniform());
  });

  test("are independent of their origin and of each other", () => {
    const origin = new Random(3);
    const [left, right] = [origin.fork("a"), origin.fork("b")];
    const streams = [origin, left, right, left.fork("b")].map((random) => many(() => random.uniform()));
    for (const [index, stream] of streams.entries()) {
      for (const other of streams.slice(index + 1)) expect(Math.abs(correlation(stream, other))).toBeLessThan(0.03);
    }
  });

  test("a stream put where another one stood goes on with the same draws", () => {
    const random = new Random("draws");
    random.normals(7, 1);
    const { state } = random;
    const expected = [random.uniform(), random.integer(1000), random.normal()];
    const restored = new Random("another");
    restored.state = JSON.parse(JSON.stringify(state));
    expect([restored.uniform(), restored.integer(1000), restored.normal()]).toEqual(expected);
  });
});
