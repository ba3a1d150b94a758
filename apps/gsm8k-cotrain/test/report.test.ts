import { describe, expect, it } from "vitest";
import { renderReport } from "../src/report/page.js";
import type { QuestionSet, Results, Row } from "../src/results.js";
import { summarize } from "../src/summary.js";

const row = (name: string, verdicts: string): Row => ({
  ...{ name, verdicts, flops: 1000, iterations: 1 },
  accuracy: [...verdicts].filter((verdict) => verdict === "1").length / verdicts.length,
});

/** Two seeds of one set of eight questions. */
function resultsWith(stream: string, baseline: string): Results {
  const set: QuestionSet = {
    ...{ title: "8 sentences", questions: 8, backbone: 0.25, unionOverDepths: 1 },
    role: "harder",
    baseline: row("depth 1", baseline),
    depths: [row("depth 1", stream), row("depth 2", "00000000")],
    probed: { ...row("probe: depth 4 from 0.5 on", "11110000"), iterations: 1.75 },
  };
  const curve = [{ step: 10, loss: 1.5 }];
  return {
    createdAt: "2026-01-02T03:04:05.000Z",
    backend: "cpu: test",
    experiment: {
      ...{ kind: "generated", backbone: "a <backbone>", data: "problems", training: "some steps", chance: 0.2 },
      alpha: { alphaMin: 0.015, alphaMax: 0.9 },
      example: { text: "mia has 3 loose eggs .", answer: "3" },
    },
    runs: [0, 1].map((seed) => ({
      ...{ seed, seconds: { stream: 2, baseline: 1 }, sets: [set], curves: { stream: curve, baseline: curve } },
      ...{ alphas: [[0.05]], probe: { missing: "too few answers survive" } },
    })),
  };
}

const words = (page: string) => page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");

describe("the report", () => {
  const gain = resultsWith("11111110", "11000000");

  it("is one document that asks for nothing from outside and escapes what it is given", () => {
    const page = renderReport(gain);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:|\bsrc=|<link|<script|@import|\burl\((?!['"]?#)/);
    expect(page).toContain("a &lt;backbone&gt;");
  });

  it("compares the seeds' questions in pairs", () => {
    const [{ comparison } = expect.fail("no set")] = summarize(gain);
    // 5 of 8 questions a seed are right with the stream alone, none is with the baseline alone.
    expect(comparison).toMatchObject({ questions: 16, onlyModel: 10, onlyBaseline: 0 });
    expect(comparison.pValue).toBeCloseTo(2 * 0.5 ** 10, 12);
    // 12 errors of the baseline, 2 of the stream.
    expect(comparison.errorReduction).toBeCloseTo(10 / 12, 12);
  });

  it("says that there is a gain where there is one, and none where there is none", () => {
    expect(words(renderReport(gain))).toContain("ahead on every seed, and by more than chance");
    expect(words(renderReport(resultsWith("11000000", "11000000")))).toContain("no gain that holds over seeds");
    expect(words(renderReport(resultsWith("00000000", "11111110")))).toContain("the stream is behind");
  });

  it("has what a probe reaches that chooses the depth, and at how many iterations", () => {
    expect(words(renderReport(gain))).toMatch(/8 sentences 87\.5% 0\.0% 50\.0%, 1\.75 100%/);
  });

  it("says in which range alpha learned, and that it is not the paper's", () => {
    expect(words(renderReport(gain))).toContain("α is between 0.015 and 0.9 (in the paper 0.015 to 0.1)");
  });

  it("has the paper's figures beside ours, and never the union as an accuracy", () => {
    const text = words(renderReport(gain));
    expect(text).toMatch(/paper: GSM8K, 1,319 questions 94\.77% 97\.19%/);
    expect(text).toMatch(/paper: GPQA-Diamond, 198 questions 45\.96% – 61\.11%/);
    expect(text).toMatch(/ours: 8 sentences, harder 25\.0% 87\.5% 100%/);
  });
});
