import { describe, expect, it } from "vitest";
import { renderReport } from "../src/report/index.js";
import { oneHopEach } from "../src/report/think-comparisons.js";
import type { Results, RunResult } from "../src/results.js";
import type { ThinkResult } from "../src/think-longer/result.js";

const seeds = [0, 1];
const tasks = [
  { part: "scratch", task: "parity", trainedLength: 8, chance: 1 / 2 },
  { part: "scratch", task: "s3", trainedLength: 4, chance: 1 / 6 },
  { part: "cotrained", task: "s3", trainedLength: 4, chance: 1 / 6 },
] as const;

/** What the last answers of a variant are at 1, 2 and 4 times the trained length, and by iterations. */
interface Numbers {
  readonly stream: readonly number[];
  readonly baseline: readonly number[];
  readonly iterations: readonly number[];
}

const usual = (chance: number): Numbers => ({
  stream: [1, 0.95, chance],
  baseline: [chance, chance, chance],
  iterations: [1, chance, 0.6, chance],
});

function resultsWith(numbers: (chance: number, task: string) => Numbers = usual): Results {
  const runs = tasks.flatMap(({ part, task, trainedLength, chance }) =>
    seeds.flatMap((seed) =>
      [true, false].map((stream): RunResult => {
        const { stream: withStream, baseline, iterations } = numbers(chance, task);
        const last = stream ? withStream : baseline;
        return {
          ...{ part, task, seed, stream, trainedLength, solver: stream ? "sequential" : "none" },
          ...{ steps: 300 + seed, seconds: stream ? 20 : 10, model: `models/${part}-${task}-${seed}` },
          accuracy: Object.fromEntries(
            [1, 2, 4].map((times, index) => {
              const length = times * trainedLength;
              const end = last[index] ?? 0;
              const byPosition = Array.from({ length }, (_, position) => (position === 0 ? 1 : end));
              return [String(length), { last: end, all: (1 + end * (length - 1)) / length, byPosition }];
            }),
          ),
          lossCurve: [1, 101, 201].map((step, index) => ({ step, loss: stream ? 1.5 / (index + 1) : 1.5 })),
          ...(stream && {
            accuracyByIterations: Object.fromEntries(
              iterations.map((accuracy, index) => [String(index + 1), accuracy]),
            ),
            alphas: [
              [0.08, 0.09, 0.085],
              [0.06, 0.07, 0.065],
            ],
          }),
        };
      }),
    ),
  );
  const chance = Object.fromEntries(tasks.map((task) => [task.task, task.chance]));
  return {
    createdAt: "2026-01-02T03:04:05.000Z",
    backend: "cpu: test",
    chance,
    evaluatedSequences: 1000,
    runs,
    thinking: [],
  };
}

/** Two seeds of each variant on one task of 8 nodes and 4 hops. */
function thinking(recirculation: readonly number[] = [0.4, 0.6, 0.78, 1, 0.9, 0.8, 0.8, 0.8]): ThinkResult[] {
  const byVariant = { recirculation, stream: recirculation.map(() => 0.45), plain: [0.41] };
  return (Object.keys(byVariant) as (keyof typeof byVariant)[]).flatMap((variant) =>
    seeds.map((seed): ThinkResult => {
      const accuracyByDepth = byVariant[variant];
      return {
        ...{ part: "think-longer", task: "hop8x6-packed", form: "packed", nodes: 8, hops: 4, variant, seed },
        ...{ steps: 700, seconds: 12.5, flops: 69e9, accuracyByDepth, union: Math.max(...accuracyByDepth) },
        beyond: { from: 5, to: 6, accuracyByDepth: accuracyByDepth.map(() => 0.25) },
        ...(variant !== "plain" && { halting: [{ rule: "when it settles", accuracy: 0.99, meanIterations: 2.8 }] }),
        ...{ lossCurve: [{ step: 1, loss: 2 }], model: `models/${variant}-${seed}` },
      };
    }),
  );
}

const occurrences = (page: string, pattern: RegExp) => page.match(pattern)?.length ?? 0;

/** The page's words, without tags, on one line. */
const words = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/gs, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

describe("renderReport", () => {
  const results = resultsWith();
  const page = renderReport(results);

  it("is one document that asks for nothing from outside", () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toMatch(/<\/html>\s*$/);
    expect(page).not.toMatch(/https?:|\bsrc=|<link|<script|@import|\burl\((?!['"]?#)/);
  });

  it("has every run in the table", () => {
    const body = page.match(/<tbody>(.*?)<\/tbody>/s)?.[1] ?? "";
    expect(occurrences(body, /<tr/g)).toBe(results.runs.length);
    const row = words(body.split("<tr").find((text) => text.includes("co-trained") && text.includes("301")) ?? "");
    expect(row).toContain("Products in S₃ 1 with 100% 100% 95.0% 95.6% 16.7% 21.9% 301 20.0 sequential");
  });

  it("draws six figures for each comparison, each with a caption and a name", () => {
    expect(occurrences(page, /<figure>/g)).toBe(6 * tasks.length);
    expect(occurrences(page, /<figcaption>/g)).toBe(6 * tasks.length);
    expect(occurrences(page, /<svg [^>]*role="img" aria-label="[^"]+"/g)).toBe(6 * tasks.length);
  });

  it("draws a thin line for each seed and a thick one for the mean", () => {
    const [chart] = page.match(/<svg [^>]*aria-label="Accuracy by position in sequences of 8,.*?<\/svg>/s) ?? [""];
    for (const variant of ["stream", "baseline"]) {
      expect(occurrences(chart, new RegExp(`<path[^>]*stroke="var\\(--${variant}\\)"`, "g"))).toBe(seeds.length + 1);
    }
    const stream = chart.match(/<path[^>]*stroke="var\(--stream\)"[^>]*>/)?.[0] ?? "";
    expect(stream.match(/ d="([^"]*)"/)?.[1]?.split("L")).toHaveLength(8);
  });

  it("marks the trained length where sequences are longer", () => {
    expect(occurrences(page, />trained length<\/text>/g)).toBe(2 * tasks.length);
  });

  it("draws alphas of each layer, iterations of each seed and what repetition would give", () => {
    const [alphas] = page.match(/<svg [^>]*aria-label="Learned alpha.*?<\/svg>/s) ?? [""];
    expect(alphas).toContain("Median 0.085 in layer 1, 0.065 in layer 2");
    expect(occurrences(alphas, /<path[^>]*fill="var\(--stream\)"/g)).toBe(2);
    expect(page).toContain("100%, 16.7%, 60.0%, 16.7%.");
  });

  it("uses each inner name once, and renders the same page again", () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(renderReport(results)).toBe(page);
  });

  it("escapes what comes from the results", () => {
    const [run] = results.runs;
    const evil = `<img src=x onerror="alert(1)">&`;
    const spiked = { ...(run as RunResult), task: evil, solver: evil };
    const spikedPage = renderReport({ ...results, backend: evil, createdAt: evil, runs: [...results.runs, spiked] });
    expect(spikedPage).not.toContain("<img");
    expect(spikedPage).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;");
  });

  it("renders what is there when variants, iterations, alphas or chance are missing", () => {
    const withoutStream = renderReport({ ...results, runs: results.runs.filter((run) => !run.stream) });
    expect(withoutStream).not.toContain("NaN");
    const withoutBaseline = renderReport({ ...results, chance: {}, runs: results.runs.filter((run) => run.stream) });
    expect(withoutBaseline).not.toContain("NaN");
    expect(words(withoutBaseline)).toContain("There is no run without the stream to compare with.");
    expect(renderReport({ ...results, runs: [] })).toContain("Every run");
  });
});

describe("the report's sentences follow the numbers", () => {
  const textOf = (numbers?: (chance: number, task: string) => Numbers) => words(renderReport(resultsWith(numbers)));

  it("on the stream at the trained length", () => {
    expect(textOf()).toContain(
      "With the state stream, every task and every seed gets at least 99% of the last answers",
    );
    const failing = textOf((chance, task) => ({
      ...usual(chance),
      stream: task === "parity" ? [0.8, 0.5, 0.5] : [1, 1, 1],
    }));
    expect(failing).toContain("2 of 3 comparisons get at least 99%");
    expect(failing).toContain("not so running parity: 80.0%");
  });

  it("on the baseline and chance", () => {
    expect(textOf()).toContain("Without it, the same transformer guesses: its last answer is at chance on every task.");
    expect(textOf()).toContain("no better than guessing (16.7%)");
    const able = textOf((chance, task) => ({
      ...usual(chance),
      baseline: task === "parity" ? [0.9, 0.7, 0.6] : [chance, chance, chance],
    }));
    expect(able).toContain("is above chance on running parity: 90.0% where chance is 50.0%, and at chance elsewhere.");
  });

  it("on longer sequences", () => {
    expect(textOf()).toContain(
      "At 4 times the trained length the stream does not hold in full on any task; it is back at chance on",
    );
    const parity = textOf((chance, task) => ({
      ...usual(chance),
      stream: task === "parity" ? [1, 1, 1] : [1, 0.95, chance],
    }));
    expect(parity).toContain(
      "At 4 times the trained length the stream holds only on running parity; it is back at chance on",
    );
    const always = textOf((chance) => ({ ...usual(chance), stream: [1, 1, 1] }));
    expect(always).toContain("At 4 times the trained length the stream still holds on every task.");
  });

  it("on iterations", () => {
    expect(textOf()).toContain("never raises the accuracy and lowers it in 3 of 3 comparisons.");
    expect(textOf()).not.toContain("takes the last symbol once for each iteration");
    const repeating = textOf((chance, task) => ({
      ...usual(chance),
      iterations: task === "parity" ? [1, 0.5, 1, 0.5] : [1, 0.16, 0.65, 0.51],
    }));
    expect(repeating).toContain("In every comparison the figures are those of a model that takes the last symbol once");
    expect(repeating).toContain("iterating does not help, and the figures are those of a model that computes s·xⁱ");
    const helping = textOf((chance) => ({ ...usual(chance), iterations: [0.7, 0.8, 0.9, 0.85] }));
    expect(helping).toContain("helps on running parity (3 iterations, +20.0 points)");
    expect(textOf((chance) => ({ ...usual(chance), iterations: [1, 1, 1, 1] }))).toContain(
      "never raises the accuracy nor lowers it.",
    );
  });
});

describe("think longer", () => {
  const page = renderReport({ ...resultsWith(), thinking: thinking() });
  const text = words(page);

  it("says what depth brings, beside what it is compared with", () => {
    expect(text).toContain("With recirculation 100% are right after 4 iterations and 40.0% after one: 60 points.");
    expect(text).toContain("Beside it: 45.0% with the stream as defined and 41.0% without iterations.");
    expect(text).toContain(
      "Twice as deep as in training 80.0% of the same questions are right; of questions for 5 to 6 hops",
    );
    const failing = words(renderReport({ ...resultsWith(), thinking: thinking([0.4, 0.4, 0.4, 0.4]) }));
    expect(failing).toContain("With recirculation 40.0% are right after 4 iterations and 40.0% after one: 0 points.");
  });

  it("draws two charts, a line for each seed and variant, its mean, and what one hop each would give", () => {
    const charts = page.match(/<svg [^>]*aria-label="Accuracy by number of iterations.*?<\/svg>/gs) ?? [];
    expect(charts).toHaveLength(2);
    for (const color of ["stream", "defined", "baseline"]) {
      expect(occurrences(charts[0] as string, new RegExp(`<path[^>]*stroke="var\\(--${color}\\)"`, "g"))).toBe(3);
    }
  });

  it("tells the costs of halting and every run", () => {
    expect(text).toContain("when it settles 99.0% 2.80 70.0%");
    expect(text).toContain("without iterations 1 41.0% – 41.0% 700 69 12.5");
  });

  it("stands alone where the other parts were not run, and away where it was not", () => {
    const alone = renderReport({ ...resultsWith(), runs: [], thinking: thinking() });
    expect(alone).not.toContain("NaN");
    expect(alone).toContain("part-think-longer");
    expect(renderReport(resultsWith())).not.toContain("part-think-longer");
  });

  it("one hop for each iteration gives what a random permutation gives", () => {
    // By counting: all permutations of 4 nodes, all starts, 1 to 3 hops.
    const permutations = [0, 1, 2, 3].flatMap((a) =>
      [0, 1, 2, 3].flatMap((b) =>
        [0, 1, 2, 3].flatMap((c) => [[a, b, c, 6 - a - b - c]].filter((each) => new Set(each).size === 4)),
      ),
    );
    const after = (f: readonly number[], start: number, hops: number) => {
      let node = start;
      for (let hop = 0; hop < hops; hop++) node = f[node] as number;
      return node;
    };
    for (const depth of [1, 2, 3]) {
      const cases = permutations.flatMap((f) =>
        [0, 1, 2, 3].flatMap((start) =>
          [1, 2, 3].map((hops) => after(f, start, hops) === after(f, start, Math.min(hops, depth))),
        ),
      );
      const share = cases.filter(Boolean).length / cases.length;
      expect(oneHopEach(4, { from: 1, to: 3 }, depth)).toBeCloseTo(share, 10);
    }
  });
});
