/** Policies stop where planted views say, see what they asked for, and begin each text afresh. */
import {
  custom,
  type Deliberation,
  type DeliberationPolicy,
  fixed,
  type IterationView,
  plannedIterations,
  probed,
  relativeChange,
  untilConverged,
  untilDecided,
} from "@sst/infer";
import { Probe } from "@sst/layers";
import { describe, expect, test } from "vitest";

/** What each iteration of a position leaves. */
interface Planted {
  readonly states?: number[][];
  readonly logits?: number[];
}

/** How many iterations a position gets: a runner as small as it can be, which shows what was asked for and no more. */
async function iterationsOf(
  { maximum }: DeliberationPolicy,
  deliberation: Deliberation,
  planted: Planted[],
  at = { position: 4, isFirstGenerated: true },
): Promise<number> {
  const needs = deliberation.needs(at);
  const seen = (iteration: number) => {
    const { states, logits } = planted[iteration - 1] ?? {};
    return {
      states: needs.states ? states?.map((state) => Float32Array.from(state)) : undefined,
      logits: needs.logits && logits ? Float32Array.from(logits) : undefined,
    };
  };
  for (let iteration = 1; ; iteration++) {
    if (iteration === maximum) return iteration;
    const [now, before] = [seen(iteration), seen(iteration - 1)];
    const view: IterationView = {
      ...at,
      iteration,
      ...(now.states && { states: now.states }),
      ...(now.logits && { logits: now.logits }),
      ...(before.states && { previousStates: before.states }),
      ...(before.logits && { previousLogits: before.logits }),
    };
    if (await deliberation.stops(view)) return iteration;
  }
}

const run = (policy: DeliberationPolicy, planted: Planted[]) => iterationsOf(policy, policy.start(), planted);
const first = { position: 4, isFirstGenerated: true };
const later = { position: 5, isFirstGenerated: false };

describe("fixed", () => {
  test("is the same at every position, and known beforehand", async () => {
    const policy = fixed(3);
    const deliberation = policy.start();
    expect(await iterationsOf(policy, deliberation, [])).toBe(3);
    expect(await plannedIterations(deliberation, later, policy.maximum)).toBe(3);
    expect(policy).toMatchObject({ name: "fixed(3)", maximum: 3 });
  });
});

describe("untilConverged", () => {
  // Changes: ‖(0,5)‖/‖(3,4,0,5)‖ = 5/√50 = 0.707, then ‖(0,0.5)‖/‖(3,4,0,5.5)‖ = 0.0673, then nothing.
  const planted = [
    [3, 4, 0, 0],
    [3, 4, 0, 5],
    [3, 4, 0, 5.5],
    [3, 4, 0, 5.5],
  ].map((all) => ({
    states: [all.slice(0, 2), all.slice(2)],
  }));
  for (const [tolerance, iterations] of [
    [0.71, 2],
    [0.7, 3],
    [0.068, 3],
    [0.067, 4],
    [0, 4],
  ] as const) {
    test(`tolerance ${tolerance} is reached after ${iterations}`, async () => {
      expect(await run(untilConverged({ tolerance, maximum: 8 }), planted)).toBe(iterations);
    });
  }

  test("ends at its maximum, and has to look", async () => {
    const policy = untilConverged({ tolerance: 0, maximum: 2 });
    expect(await run(policy, planted)).toBe(2);
    expect(await plannedIterations(policy.start(), first, 2)).toBeUndefined();
    expect(await run(untilConverged({ tolerance: 10, maximum: 1 }), planted)).toBe(1);
  });

  test("states that stay zero have converged, states that become zero have not", () => {
    const [zero, one] = [[Float32Array.of(0, 0)], [Float32Array.of(1, 0)]];
    expect(relativeChange(zero, zero)).toBe(0);
    expect(relativeChange(zero, one)).toBe(Number.POSITIVE_INFINITY);
    expect(() => relativeChange(zero, [])).toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
  });

  test("states that are not finite are refused at their place", async () => {
    const broken = [{ states: [[1]] }, { states: [[Number.NaN]] }];
    const attempt = run(untilConverged({ tolerance: 0.1, maximum: 4 }), broken);
    await expect(attempt).rejects.toThrowError(/latent states at position 4, iteration 2/);
    await expect(attempt).rejects.toThrowError(expect.objectContaining({ code: "not-finite" }));
  });
});

describe("untilDecided", () => {
  // Probabilities of two tokens, as logits with a constant on top.
  const planted = [0.5, 0.9, 0.98, 0.98].map((share) => ({
    logits: [share, 1 - share].map((each) => 7 + Math.log(each)),
  }));
  const binary = (share: number) => -share * Math.log(share) - (1 - share) * Math.log(1 - share);
  const divergence = (now: number, before: number) =>
    now * Math.log(now / before) + (1 - now) * Math.log((1 - now) / (1 - before));
  const bits = (left: number, right: number) => {
    const middle = (left + right) / 2;
    return (divergence(left, middle) + divergence(right, middle)) / 2 / Math.LN2;
  };
  const cases: [string, Omit<Parameters<typeof untilDecided>[0], "maximum">, number][] = [
    ["one coin's entropy is enough at once", { entropyNats: Math.LN2 + 1e-6 }, 1],
    ["entropy just reached", { entropyNats: binary(0.9) + 1e-6 }, 2],
    ["entropy just missed", { entropyNats: binary(0.9) - 1e-6 }, 3],
    ["divergence just reached", { changeNats: divergence(0.9, 0.5) + 1e-6 }, 2],
    ["divergence just missed", { changeNats: divergence(0.9, 0.5) - 1e-6 }, 3],
    ["divergence of nothing", { changeNats: divergence(0.98, 0.9) - 1e-6 }, 4],
    ["Jensen-Shannon just reached", { changeBits: bits(0.98, 0.9) + 1e-6 }, 3],
    ["Jensen-Shannon just missed", { changeBits: bits(0.98, 0.9) - 1e-6 }, 4],
    ["both have to hold: the change comes later", { entropyNats: 1, changeNats: 1e-6 }, 4],
    ["both have to hold: the entropy comes later", { entropyNats: binary(0.95), changeNats: 10 }, 3],
    ["never", { entropyNats: 0 }, 6],
  ];
  for (const [name, bounds, iterations] of cases) {
    test(name, async () => {
      const after = [...planted, planted[3] as Planted, planted[3] as Planted];
      expect(await run(untilDecided({ ...bounds, maximum: 6 }), after)).toBe(iterations);
    });
  }

  test("it needs a bound, and logits that are finite", async () => {
    expect(() => untilDecided({ maximum: 3 })).toThrowError(expect.objectContaining({ code: "contradiction" }));
    const attempt = run(untilDecided({ changeNats: 1, maximum: 3 }), [{ logits: [Number.NaN, 0] }]);
    await expect(attempt).rejects.toThrowError(/logits at position 4, iteration 1/);
  });
});

describe("probed", () => {
  const features: number[][] = [];
  const watching = (probability: number) => ({
    probability(states: ArrayLike<number>) {
      features.push(Array.from(states));
      return probability;
    },
  });
  const planted = [
    {
      states: [
        [1, 2],
        [3, 4],
      ],
    },
    {
      states: [
        [9, 9],
        [9, 9],
      ],
    },
  ];

  for (const [probability, iterations] of [
    [0.7, 4],
    [0.6, 4],
    [0.59, 1],
  ] as const) {
    test(`${probability} against 0.6: ${iterations} at the first position and all after it`, async () => {
      features.length = 0;
      const policy = probed(watching(probability), { threshold: 0.6, maximum: 4 });
      const deliberation = policy.start();
      expect(await plannedIterations(deliberation, { position: 3, isFirstGenerated: false }, 4)).toBe(1);
      expect(await plannedIterations(deliberation, first, 4)).toBeUndefined();
      expect(await iterationsOf(policy, deliberation, planted)).toBe(iterations);
      expect(await iterationsOf(policy, deliberation, [], later)).toBe(iterations);
      expect(await plannedIterations(deliberation, later, 4)).toBe(iterations);
      // Asked once, after one iteration, of all layers.
      expect(features).toEqual([[1, 2, 3, 4]]);
      // Another text knows nothing of it.
      expect(await plannedIterations(policy.start(), later, 4)).toBe(1);
    });
  }

  test("takes the trained probe as it is, and refuses another model's states", async () => {
    const ones = Float32Array.of(1, 1, 1, 1);
    const probe = new Probe({ mean: new Float32Array(4), scale: ones, weights: ones, bias: -9.5 });
    // σ(1 + 2 + 3 + 4 − 9.5) = 0.622
    expect(await run(probed(probe, { threshold: 0.62, maximum: 4 }), planted)).toBe(4);
    expect(await run(probed(probe, { threshold: 0.63, maximum: 4 }), planted)).toBe(1);
    const attempt = run(probed(probe, { maximum: 4 }), [{ states: [[1, 2]] }]);
    await expect(attempt).rejects.toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
    const broken = run(probed(probe, { maximum: 4 }), [
      {
        states: [
          [1, 2],
          [Number.NaN, 4],
        ],
      },
    ]);
    await expect(broken).rejects.toThrowError(expect.objectContaining({ code: "not-finite" }));
  });
});

describe("custom", () => {
  test("sees position, iteration, states and logits, and may answer later", async () => {
    const views: IterationView[] = [];
    const policy = custom(
      async (view) => {
        views.push(view);
        return view.iteration === 2;
      },
      { maximum: 5, name: "mine" },
    );
    const planted = [
      { states: [[1]], logits: [0, 1] },
      { states: [[2]], logits: [1, 0] },
    ];
    expect(await run(policy, planted)).toBe(2);
    expect(policy.name).toBe("mine(maximum 5)");
    expect(views).toEqual([
      { ...first, iteration: 1, states: [Float32Array.of(1)], logits: Float32Array.of(0, 1) },
      {
        ...first,
        iteration: 2,
        states: [Float32Array.of(2)],
        logits: Float32Array.of(1, 0),
        previousStates: [Float32Array.of(1)],
        previousLogits: Float32Array.of(0, 1),
      },
    ]);
  });

  test("that needs to see nothing is known beforehand", async () => {
    const stops = ({ position, iteration }: IterationView) => iteration > position % 3;
    const deliberation = custom(stops, { maximum: 8, needs: {} }).start();
    expect(await plannedIterations(deliberation, later, 8)).toBe(3);
    expect(await plannedIterations(deliberation, { ...later, position: 6 }, 8)).toBe(1);
  });
});

test("a runner that shows less than is needed is told so", async () => {
  for (const policy of [
    untilConverged({ tolerance: 0.1, maximum: 3 }),
    untilDecided({ entropyNats: 1, maximum: 3 }),
    probed({ probability: () => 1 }, { maximum: 3 }),
  ]) {
    await expect(run(policy, [{}])).rejects.toThrowError(/needs (states|logits) after each iteration/);
  }
});

describe("settings out of range are named", () => {
  const invalid: [string, () => DeliberationPolicy][] = [
    ["iterations", () => fixed(0)],
    ["tolerance", () => untilConverged({ tolerance: Number.NaN, maximum: 2 })],
    ["maximum", () => untilConverged({ tolerance: 0, maximum: 1.5 })],
    ["entropyNats", () => untilDecided({ entropyNats: -1, maximum: 2 })],
    ["changeBits", () => untilDecided({ changeBits: Number.NaN, maximum: 2 })],
    ["maximum", () => untilDecided({ changeNats: 1, maximum: 0 })],
    ["threshold", () => probed({ probability: () => 1 }, { threshold: 1.5, maximum: 2 })],
    ["maximum", () => probed({ probability: () => 1 }, { maximum: Number.NaN })],
    ["maximum", () => custom(() => true, { maximum: 0 })],
  ];
  for (const [name, make] of invalid) {
    test(`${name}: ${make}`, () => {
      expect(make).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
      expect(make).toThrowError(name);
    });
  }
});
