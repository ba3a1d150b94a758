/** Basins on planted trajectories: what was put in comes out, and nothing comes out of noise. */
import { bimodality, findBasins, projectStates, transitionsOf } from "@sst/infer";
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { dipOf } from "../src/basins/dip.js";
import { dipValues } from "./dip-values.js";

const width = 24;
const seeds = Array.from({ length: 20 }, (_, seed) => seed);

/** Positions around centres on the unit sphere, `noise` being the length of what is added, relative to theirs. */
function planted(lengths: readonly number[], basins: readonly number[], noise: number, seed: number): Float32Array[] {
  const random = new Random(`planted/${seed}`);
  const centres = Array.from({ length: Math.max(...basins) + 1 }, () => {
    const centre = random.normals(width, 1);
    const norm = Math.hypot(...centre);
    return centre.map((value) => value / norm);
  });
  return lengths.flatMap((length, stretch) =>
    Array.from({ length }, () => {
      const wobble = random.normals(width, noise / Math.sqrt(width));
      return (centres[basins[stretch] as number] as Float32Array).map((value, at) => value + (wobble[at] as number));
    }),
  );
}

/** Noise with a share of every direction that falls off, around a common direction. */
function noise(count: number, size: number, seed: number): Float32Array[] {
  const random = new Random(`noise/${size}/${count}/${seed}`);
  const centre = random.normals(size, 3);
  return Array.from({ length: count }, () => {
    const wobble = random.normals(size, 0.5);
    return centre.map((value, at) => value + (wobble[at] as number) / (1 + at / 4));
  });
}

describe("findBasins", () => {
  for (const size of [0.1, 0.5, 0.8]) {
    test(`planted stretches and basins are found to within a position, noise ${size} of the states' length`, () => {
      const [lengths, basins] = [
        [15, 15, 12, 18],
        [0, 1, 0, 2],
      ];
      for (const seed of seeds) {
        const found = findBasins(planted(lengths as number[], basins as number[], size, seed));
        expect(found.changePoints).toHaveLength(3);
        for (const [index, point] of [15, 30, 42].entries()) {
          expect(Math.abs((found.changePoints[index] as number) - point)).toBeLessThanOrEqual(1);
        }
        expect(found.stretches.map(({ basin }) => basin)).toEqual(basins);
        expect(found.basinCount).toBe(3);
        expect(found.basinOf).toHaveLength(60);
        expect(found.silhouette).toBeGreaterThan(0.2);
      }
    });
  }

  for (const [count, size] of [
    [40, 4],
    [60, 24],
    [150, 8],
    [30, 200],
  ] as const) {
    test(`pure noise has change points in at most 5% of trajectories, ${count} positions of width ${size}`, () => {
      const trials = 200;
      let alarms = 0;
      for (let seed = 0; seed < trials; seed++) {
        const { changePoints, basinCount } = findBasins(noise(count, size, seed));
        if (changePoints.length > 0) alarms++;
        else expect(basinCount).toBe(1);
      }
      expect(alarms / trials).toBeLessThanOrEqual(0.05);
    });
  }

  test("without noise every jump is found, and the same place is the same basin", () => {
    const found = findBasins(planted([4, 2, 7, 3], [0, 1, 0, 1], 0, 0));
    expect(found.changePoints).toEqual([4, 6, 13]);
    expect(found.stretches.map(({ basin }) => basin)).toEqual([0, 1, 0, 1]);
    expect(found.silhouette).toBeCloseTo(1, 3);
  });

  test("the length of a state says nothing, its direction does", () => {
    const states = planted([10, 10], [0, 1], 0.2, 3);
    const stretched = states.map((state, position) => state.map((value) => value * (1 + position)));
    expect(findBasins(stretched).changePoints).toEqual(findBasins(states).changePoints);
  });

  test("one position, two, and states that never move are one basin", () => {
    const [state] = planted([1], [0], 0, 0) as [Float32Array];
    for (const count of [1, 2, 50]) {
      const found = findBasins(Array.from({ length: count }, () => state));
      expect(found).toMatchObject({ changePoints: [], basinCount: 1, silhouette: null });
      expect(found.stretches).toEqual([{ start: 0, end: count, basin: 0 }]);
    }
    expect(findBasins(Array.from({ length: 8 }, () => new Float32Array(4))).basinCount).toBe(1);
  });

  const row = [1, 2, 3];
  const refusals: [string, () => unknown, string, RegExp][] = [
    ["no states", () => findBasins([]), "invalid-argument", /no states/],
    ["rows of different width", () => findBasins([row, [1, 2]]), "shape-mismatch", /position 1/],
    ["a NaN", () => findBasins([row, row, [1, Number.NaN, 0]]), "not-finite", /position 2/],
    ["a rate of 0", () => findBasins([row], { falsePositiveRate: 0 }), "invalid-argument", /falsePositiveRate/],
    ["no stretch at all", () => findBasins([row], { shortestStretch: 0 }), "invalid-argument", /shortestStretch/],
  ];
  for (const [name, attempt, code, message] of refusals) {
    test(`${name} is refused`, () => {
      expect(attempt).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    });
  }
});

test("transitions bring the token, the basins and the posterior on both sides", () => {
  const basins = findBasins(planted([4, 4], [0, 1], 0.1, 1));
  const records = Array.from({ length: 8 }, (_, position) => ({
    position,
    token: 10 + position,
    positionShiftBits: position / 10,
    posterior: [{ entropyNats: 1, divergenceBits: null, top: [{ token: position, probability: 0.5 }] }],
  }));
  expect(transitionsOf(basins, records)).toEqual([
    {
      position: 4,
      token: 14,
      fromBasin: 0,
      toBasin: 1,
      shiftBits: 0.4,
      before: [{ token: 3, probability: 0.5 }],
      after: [{ token: 4, probability: 0.5 }],
    },
  ]);
  expect(() => transitionsOf(basins, records.slice(1))).toThrowError(
    expect.objectContaining({ code: "contradiction" }),
  );
});

describe("bimodality", () => {
  test("the dip is the least distance to a unimodal distribution, as linear programs find it", () => {
    for (const [dip, sample] of dipValues) expect(dipOf(sample)).toBeCloseTo(dip, 7);
    expect(dipOf([1, 2, 3, 4, 5])).toBeCloseTo(1 / 10, 12);
    expect(dipOf([0, 0, 0, 1, 1, 1])).toBeCloseTo(1 / 4, 12);
    expect(dipOf([7])).toBe(1 / 2);
  });

  const draw: Record<string, (random: Random, index: number) => number> = {
    normal: (random) => random.normal(),
    uniform: (random) => random.uniform(),
    "skewed (exponential)": (random) => -Math.log(1 - random.uniform()),
  };
  for (const [name, next] of Object.entries(draw)) {
    test(`one mode, ${name}: at most 2 of 20 samples are called bimodal`, () => {
      const called = seeds.filter((seed) => {
        const random = new Random(`${name}/${seed}`);
        const values = Array.from({ length: 80 }, (_, index) => next(random, index));
        return bimodality(values, { samples: 200 }).isBimodal;
      });
      expect(called.length).toBeLessThanOrEqual(2);
    });
  }

  test("two modes, seven deviations apart: all of 20 samples are called bimodal", () => {
    for (const seed of seeds) {
      const random = new Random(`two/${seed}`);
      const values = Array.from({ length: 80 }, (_, index) => random.normal() + (index % 3 === 0 ? 7 : 0));
      const found = bimodality(values, { samples: 200 });
      expect(found.isBimodal).toBe(true);
      expect(found.coefficient).toBeGreaterThan(5 / 9);
    }
  });

  test("Sarle's coefficient: 5/9 of the uniform distribution, near 1/3 of the normal one, 1 of two points", () => {
    const even = Array.from({ length: 2001 }, (_, index) => index / 2000);
    expect(bimodality(even, { samples: 1 }).coefficient).toBeCloseTo(5 / 9, 2);
    const random = new Random("normal");
    expect(
      bimodality(
        Array.from({ length: 5000 }, () => random.normal()),
        { samples: 1 },
      ).coefficient,
    ).toBeCloseTo(1 / 3, 1);
    const points = Array.from({ length: 200 }, (_, index) => index % 2);
    expect(bimodality(points, { samples: 1 }).coefficient).toBeCloseTo(1, 1);
  });

  test("equal values have no coefficient and one mode; too few and NaN are refused", () => {
    expect(bimodality([2, 2, 2, 2, 2])).toMatchObject({ coefficient: null, isBimodal: false });
    expect(() => bimodality([1, 2, 3])).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
    expect(() => bimodality([1, 2, 3, Number.NaN])).toThrowError(expect.objectContaining({ code: "not-finite" }));
  });
});

describe("projectStates", () => {
  test("two planted directions are the axes, with their shares of the variance", () => {
    // All of unit length already: an angle in a plane, and less of a third direction.
    const states = Array.from({ length: 12 }, (_, index) => {
      const [angle, height] = [(index % 2 === 0 ? 1 : -1) * 0.6, index < 6 ? 0.1 : -0.1];
      const flat = Math.sqrt(1 - height ** 2);
      return [Math.cos(angle) * flat, Math.sin(angle) * flat, height];
    });
    const { points, explained } = projectStates(states);
    const across = Math.sin(0.6) * Math.sqrt(1 - 0.01);
    for (const [index, [x, y]] of points.entries()) {
      expect(x * (points[0] as readonly [number, number])[0]).toBeCloseTo((index % 2 === 0 ? 1 : -1) * across ** 2, 6);
      expect(Math.abs(y)).toBeCloseTo(0.1, 6);
    }
    expect(explained[0]).toBeCloseTo(across ** 2 / (across ** 2 + 0.01), 6);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 6);
  });

  test("one position and constant states lie at 0", () => {
    expect(projectStates([[1, 2]])).toEqual({ points: [[0, 0]], explained: [0, 0] });
    expect(projectStates([[3], [3]]).points).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});
