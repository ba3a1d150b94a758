/** Penalties, bias and bans are their closed forms, in their stated order; counts go on from token to token. */
import { logProbabilities, Sampler, type SamplingOptions, sampleToken, topLogProbabilities } from "@sst/infer";
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";

const logits = Float32Array.from([1, 3, 2, -1, 0]);

/** How often each token comes first after `text`, in fresh samplers that share their draws. */
function frequencies(options: SamplingOptions, prompt: number[], text: number[], allowed?: number[]): number[] {
  const random = new Random("sampler");
  const counts = new Array(logits.length).fill(0);
  const draws = 20_000;
  for (let draw = 0; draw < draws; draw++) {
    const sampler = new Sampler({ temperature: 1, ...options }, { prompt, random });
    for (const token of text) sampler.accept(token);
    counts[sampler.next(logits, allowed).token]++;
  }
  return counts.map((count) => count / draws);
}

function softmax(values: number[]): number[] {
  const weights = values.map(Math.exp);
  const sum = weights.reduce((left, right) => left + right);
  return weights.map((weight) => weight / sum);
}

function expectClose(given: number[], wanted: number[]): void {
  // Four standard deviations of a frequency over 20,000 draws.
  for (const [token, value] of wanted.entries()) expect(Math.abs((given[token] as number) - value)).toBeLessThan(0.015);
}

const NEVER = Number.NEGATIVE_INFINITY;
// Token 3 stands in the prompt, 1 was generated twice, 4 once.
const cases: [string, SamplingOptions, number[]][] = [
  ["repetition divides positive and multiplies negative logits", { repetitionPenalty: 2 }, [1, 1.5, 2, -2, 0]],
  ["presence leaves the prompt alone", { presencePenalty: 0.5 }, [1, 2.5, 2, -1, -0.5]],
  ["frequency counts", { frequencyPenalty: 0.5 }, [1, 2, 2, -1, -0.5]],
  ["negative penalties encourage", { presencePenalty: -1, frequencyPenalty: -0.25 }, [1, 4.5, 2, -1, 1.25]],
  ["a bias is added", { logitBias: { 0: 1.5, 2: -1 } }, [2.5, 3, 1, -1, 0]],
  ["-Infinity bans", { logitBias: { 1: NEVER } }, [1, NEVER, 2, -1, 0]],
  ["-100 bans, at any temperature", { logitBias: { 1: -100 }, temperature: 1e6 }, [0, NEVER, 0, 0, 0]],
  [
    "repetition, then presence and frequency, then the bias, then the temperature",
    { repetitionPenalty: 2, presencePenalty: 0.5, frequencyPenalty: 0.25, logitBias: { 1: 1, 3: 4 }, temperature: 2 },
    [0.5, 0.75, 1, 1, -0.375],
  ],
  ["top-k after the penalties", { frequencyPenalty: 1.5, topK: 2 }, [1, NEVER, 2, NEVER, NEVER]],
];

describe("Sampler", () => {
  for (const [name, options, changed] of cases) {
    test(name, () => expectClose(frequencies(options, [3], [1, 4, 1]), softmax(changed)));
  }

  test("only what is allowed is drawn, by its shares", () => {
    expectClose(frequencies({}, [], [], [0, 4]), softmax([1, NEVER, NEVER, NEVER, 0]));
  });

  test("greedy takes the first of equals, and the penalties count there too", () => {
    const equal = Float32Array.from([0, 2, 2, 1]);
    const sampler = new Sampler({ frequencyPenalty: 0.75 }, { random: new Random(0) });
    // 2, 2, 1 → 1.25, 2, 1 → 1.25, 1.25, 1 → 0.5, 1.25, 1 → 0.5, 0.5, 1
    expect(Array.from({ length: 5 }, () => sampler.next(equal).token)).toEqual([1, 2, 1, 2, 3]);
    expect(new Sampler({}, { random: new Random(0) }).next(equal).token).toBe(1);
  });

  test("without penalties it draws as sampleToken does, and leaves the logits as they are", () => {
    const options = { temperature: 0.8, topK: 4, topP: 0.9, minP: 0.05 };
    const sampler = new Sampler({ ...options, repetitionPenalty: 1, logitBias: {} }, { random: new Random(5) });
    const random = new Random(5);
    const kept = logits.slice();
    for (let count = 0; count < 50; count++) {
      expect(sampler.next(logits).token).toBe(sampleToken(logits, options, random));
    }
    new Sampler({ repetitionPenalty: 3 }, { prompt: [1], random }).next(logits, [1]);
    expect(logits).toEqual(kept);
  });

  test("log-probabilities are of the model's own distribution, whatever the options", () => {
    const sampler = new Sampler(
      { temperature: 3, repetitionPenalty: 5, logitBias: { 4: 100 }, topK: 1 },
      { prompt: [4], random: new Random(0) },
    );
    const { token, logProbability } = sampler.next(logits);
    expect(token).toBe(4);
    expect(logProbability).toBeCloseTo(Math.log(softmax([...logits])[4] as number), 12);
  });

  const refusals: [string, SamplingOptions, ArrayLike<number>, number[] | undefined, string, RegExp][] = [
    ["NaN", {}, [0, Number.NaN], undefined, "not-finite", /token 1 is NaN at generated token 2/],
    ["an infinite logit", {}, [Number.POSITIVE_INFINITY, 0], undefined, "not-finite", /token 0 is Infinity/],
    ["nothing but -Infinity", {}, [NEVER, NEVER], undefined, "not-finite", /all logits are -Infinity/],
    [
      "bans of everything",
      { logitBias: { 0: -100, 1: NEVER } },
      [1, 2],
      undefined,
      "contradiction",
      /generated token 2/,
    ],
    [
      "bans of all that is allowed",
      { logitBias: { 1: -100 } },
      [1, 2],
      [1],
      "contradiction",
      /of the 1 that are allowed/,
    ],
    ["nothing allowed", {}, [1, 2], [], "contradiction", /of the 0 that are allowed/],
    ["an unknown token allowed", {}, [1, 2], [0, 2], "unknown-token", /token 2 .* 0 to 1/],
  ];
  for (const [name, options, given, allowed, code, message] of refusals) {
    test(`${name} is refused at its place`, () => {
      const sampler = new Sampler({ temperature: 1, ...options }, { random: new Random(0) });
      sampler.accept(0);
      const attempt = () => sampler.next(Float32Array.from(given), allowed);
      expect(attempt).toThrowError(expect.objectContaining({ code }));
      expect(attempt).toThrowError(message);
    });
  }

  test("a bias out of the vocabulary is refused at the first logits", () => {
    const sampler = new Sampler({ logitBias: { 5: 1 } }, { random: new Random(0) });
    expect(() => sampler.next(logits)).toThrowError(/token 5, but the model has tokens 0 to 4/);
  });

  const invalid: [SamplingOptions, string][] = [
    [{ temperature: Number.NaN }, "temperature"],
    [{ topK: 1.5 }, "topK"],
    [{ topP: 1.1 }, "topP"],
    [{ minP: -0.1 }, "minP"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty"],
    [{ presencePenalty: Number.POSITIVE_INFINITY }, "presencePenalty"],
    [{ frequencyPenalty: Number.NaN }, "frequencyPenalty"],
    [{ logitBias: { 3: Number.NaN } }, "logitBias of token 3"],
    [{ logitBias: { 3: Number.POSITIVE_INFINITY } }, "logitBias of token 3"],
    [{ logitBias: { [-1]: 0 } }, "logitBias names the token -1"],
  ];
  for (const [options, name] of invalid) {
    test(`${name} out of range is named`, () => {
      expect(() => new Sampler(options, { random: new Random(0) })).toThrowError(name);
    });
  }
});

describe("log-probabilities", () => {
  test("are the closed form, and add up to one", () => {
    // Shares 1, 2 and 5 of 8, shifted by a constant that would overflow.
    const shifted = Float64Array.from([1, 2, 5], (share) => Math.log(share) + 1000);
    expect(Array.from(logProbabilities(shifted), Math.exp)).toEqual(
      [1 / 8, 2 / 8, 5 / 8].map((share) => expect.closeTo(share, 12)),
    );
  });

  test("the likeliest come first, equal ones by their order", () => {
    const given = topLogProbabilities(Float32Array.from([0, 2, 2, -1, 3]), 3);
    expect(given.map(({ token }) => token)).toEqual([4, 1, 2]);
    expect(given[0]?.logProbability).toBeCloseTo(Math.log(softmax([0, 2, 2, -1, 3])[4] as number), 12);
    expect(topLogProbabilities(logits, 9)).toHaveLength(5);
  });
});
