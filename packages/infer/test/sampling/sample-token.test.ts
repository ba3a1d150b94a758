/** Draws follow the distribution that their options leave. */
import { type SamplingOptions, sampleToken } from "@sst/infer";
import { Random } from "@sst/tensor";
import { expect, test } from "vitest";

const logits = Float32Array.from([1, 3, 2, -1, 0]);

function frequencies(options: SamplingOptions, draws = 20_000): number[] {
  const random = new Random(7);
  const counts = new Array(logits.length).fill(0);
  for (let draw = 0; draw < draws; draw++) counts[sampleToken(logits, options, random)]++;
  return counts.map((count) => count / draws);
}

/** Softmax at a temperature over the tokens that are kept. */
function expected(temperature: number, kept: number[]): number[] {
  const weights = Array.from(logits, (logit, token) => (kept.includes(token) ? Math.exp(logit / temperature) : 0));
  const sum = weights.reduce((left, right) => left + right);
  return weights.map((weight) => weight / sum);
}

function expectClose(given: number[], wanted: number[]): void {
  // Four standard deviations of a frequency over 20,000 draws.
  for (const [token, value] of wanted.entries()) expect(Math.abs((given[token] as number) - value)).toBeLessThan(0.015);
}

test("temperature 0 takes the likeliest", () => {
  expect(frequencies({}, 10)[1]).toBe(1);
});

test("temperature flattens and sharpens", () => {
  for (const temperature of [0.5, 1, 2])
    expectClose(frequencies({ temperature }), expected(temperature, [0, 1, 2, 3, 4]));
});

test("top-k keeps the k likeliest", () => {
  expectClose(frequencies({ temperature: 1, topK: 2 }), expected(1, [1, 2]));
});

test("top-p keeps the likeliest that make up the share, the one that crosses it included", () => {
  // shares at temperature 1: 0.636, 0.234, 0.086, 0.032, 0.012
  expectClose(frequencies({ temperature: 1, topP: 0.6 }), expected(1, [1]));
  expectClose(frequencies({ temperature: 1, topP: 0.7 }), expected(1, [1, 2]));
  expectClose(frequencies({ temperature: 1, topP: 1 }), expected(1, [0, 1, 2, 3, 4]));
});

test("of many tokens the same ones are kept as a sort of all would keep, equal ones by their order", () => {
  const random = new Random("many");
  for (const size of [1, 2, 50, 200]) {
    // Few values, so that many are equal.
    const many = Float32Array.from({ length: size }, () => random.integer(40) / 10);
    const ranked = Array.from(many.keys()).sort((left, right) => (many[right] as number) - (many[left] as number));
    for (const topK of new Set([1, Math.ceil(size / 10), size - 1, size].filter((count) => count > 0))) {
      const seen = new Set<number>();
      // At this temperature all are about as likely.
      for (let count = 0; count < 40 * topK; count++) seen.add(sampleToken(many, { temperature: 1e3, topK }, random));
      expect([...seen].sort((left, right) => left - right)).toEqual(
        ranked.slice(0, topK).sort((left, right) => left - right),
      );
    }
  }
});

test("a nucleus of many tokens is the smallest that makes up the share", () => {
  const random = new Random("nucleus");
  const many = Float32Array.from({ length: 300 }, () => random.normal());
  const shares = Array.from(many, Math.exp);
  const whole = shares.reduce((left, right) => left + right);
  const ranked = Array.from(many.keys()).sort((left, right) => (many[right] as number) - (many[left] as number));
  let [size, sum] = [0, 0];
  while (sum < 0.5 * whole) sum += shares[ranked[size++] as number] as number;
  const seen = new Set<number>();
  for (let count = 0; count < 10_000; count++) seen.add(sampleToken(many, { temperature: 1, topP: 0.5 }, random));
  expect([...seen].sort((left, right) => left - right)).toEqual(
    ranked.slice(0, size).sort((left, right) => left - right),
  );
});

test("nuclei of all kinds are the shortest beginning of a sort, of equal tokens the first", () => {
  const random = new Random("nuclei");
  for (let round = 0; round < 24; round++) {
    // Few values, so that many are equal.
    const many = Float32Array.from({ length: 1 + random.integer(30) }, () => -random.integer(1 + (round % 6)));
    const shares = Array.from(many, Math.exp);
    const ranked = Array.from(many.keys()).sort((left, right) => (many[right] as number) - (many[left] as number));
    const whole = shares.reduce((left, right) => left + right);
    const size = 1 + random.integer(many.length);
    const sum = ranked.slice(0, size).reduce((left, token) => left + (shares[token] as number), 0);
    // In the middle of the last one's share.
    const topP = (sum - (shares[ranked[size - 1] as number] as number) / 2) / whole;
    const seen = new Set<number>();
    const points = 4000;
    for (let point = 0; point < points; point++) {
      const at = Object.assign(new Random(0), { uniform: () => (point + 0.5) / points });
      seen.add(sampleToken(many, { temperature: 1, topP }, at));
    }
    expect([...seen].sort((left, right) => left - right)).toEqual(
      ranked.slice(0, size).sort((left, right) => left - right),
    );
  }
});

test("min-p keeps what is at least so many times as likely as the likeliest", () => {
  // Relative to the likeliest at temperature 1: 0.135, 1, 0.368, 0.018, 0.050
  expectClose(frequencies({ temperature: 1, minP: 0.1 }), expected(1, [0, 1, 2]));
  // And at temperature 2: 0.368, 1, 0.607, 0.135, 0.223
  expectClose(frequencies({ temperature: 2, minP: 0.2 }), expected(2, [0, 1, 2, 4]));
  expectClose(frequencies({ temperature: 1, minP: 1 }), expected(1, [1]));
  expectClose(frequencies({ temperature: 1, topP: 0.7, minP: 0.1 }), expected(1, [1, 2]));
});

test("a token without a chance is never drawn, at the ends either", () => {
  const banned = Float32Array.from([-Infinity, 0, -Infinity, 0, -Infinity]);
  for (const uniform of [0, 0.5, 1 - 2 ** -53]) {
    const random = Object.assign(new Random(0), { uniform: () => uniform });
    for (const options of [{}, { topK: 4 }, { topP: 0.999999 }, { topK: 3, topP: 0.9 }]) {
      expect([1, 3]).toContain(sampleToken(banned, { temperature: 1, ...options }, random));
    }
  }
});
